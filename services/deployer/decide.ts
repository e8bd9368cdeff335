import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { Validated } from "../../shared/contracts/validator.ts";

/** A live config with the revision of `live-configs` it was read at. */
export interface LiveEntry {
  readonly value: LiveConfig;
  readonly revision: number;
}

/** One kept revision of a key, oldest first; null for a deletion. */
export interface PastEntry {
  readonly value: LiveConfig | null;
  readonly revision: number;
}

/** What a deployment has to do, given what is live. */
export type DeploymentPlan =
  | {
      readonly kind: "write";
      readonly config: LiveConfig;
      readonly previous: LiveConfig | null;
      readonly expectedRevision: number;
    }
  | {
      readonly kind: "written";
      readonly config: LiveConfig;
      readonly previous: LiveConfig | null;
      readonly revision: number;
    }
  | { readonly kind: "taken-back"; readonly cause: string }
  | { readonly kind: "refused"; readonly cause: string };

/**
 * Decides about the deployment of an approved candidate. (A-DEP-1..6)
 *
 *     the run's config is live            written: an earlier attempt came this far
 *     the run's config was live           taken-back: by an earlier attempt that failed, or by a person
 *     live is what was validated against  write, by compare-and-set on that revision
 *     anything else                       refused: the champion changed since validation
 *
 * Replayable: depends on the arguments alone, so a redelivery reaches the same decision or a later one.
 *
 * @param approval the `approved` event; its time becomes the config's timestamp
 * @param live     what is live now, undefined where nothing is
 * @param history  kept revisions of the key, oldest first; may be empty while `live` is what was validated against
 * @param horizon  of the spec; undefined where the forecaster has no spec any more: the previous config's holds
 */
export function planDeployment(
  approval: CloudEvent<Validated>,
  live: LiveEntry | undefined,
  history: readonly PastEntry[],
  horizon: string | undefined,
): DeploymentPlan {
  const { run_id: run, champion_revision: validatedAgainst } = approval.data;
  if (live?.value.run_id === run && live.value.restored_from_version === undefined) {
    return {
      kind: "written",
      config: live.value,
      previous: before(live.revision, history),
      revision: live.revision,
    };
  }
  const ours = history.find(
    ({ value }) => value?.run_id === run && value.restored_from_version === undefined,
  );
  if (ours?.value) {
    return {
      kind: "taken-back",
      cause: `version ${ours.value.version} of this run was live and was taken back`,
    };
  }
  const found = live?.revision ?? 0;
  if (found !== validatedAgainst) {
    const now =
      live === undefined
        ? "no config is live"
        : `version ${live.value.version} of run ${live.value.run_id} is live`;
    return {
      kind: "refused",
      cause: `the champion changed since validation: the candidate was compared with revision ${validatedAgainst}, now ${now} (revision ${found})`,
    };
  }
  const previous = live?.value ?? null;
  const known = horizon ?? previous?.horizon;
  if (known === undefined)
    return { kind: "refused", cause: `no spec of forecaster '${approval.data.forecaster}' says its horizon` };
  const config = newLiveConfig(approval, previous, {
    version: latestVersion(live, history) + 1,
    horizon: known,
  });
  return { kind: "write", config, previous, expectedRevision: found };
}

/**
 * The config that goes live: the candidate with its measures. Fields that this version does not know are
 * taken over from the previous config, except the mark of a restored one; its family's own parameters go with it.
 */
export function newLiveConfig(
  approval: CloudEvent<Validated>,
  previous: LiveConfig | null,
  { version, horizon }: { version: number; horizon: string },
): LiveConfig {
  const { restored_from_version: _, model_params: __, ...kept }: Partial<LiveConfig> = previous ?? {};
  const { run_id, forecaster, candidate, candidate_metrics: metrics } = approval.data;
  return {
    ...kept,
    ...candidate,
    forecaster,
    horizon,
    version,
    run_id,
    ...measuresOf(metrics, previous),
    search_iterations: approval.data.search_iterations,
    optimization_time_seconds: approval.data.optimization_time_seconds,
    timestamp: approval.time,
  };
}

/** Of the validation; a candidate that was not measured forecasts as the live config does, whose measures stay. */
function measuresOf(metrics: Validated["candidate_metrics"], previous: LiveConfig | null) {
  return {
    validation_rmse: metrics === null ? (previous?.validation_rmse ?? null) : metrics.rmse,
    validation_mape: metrics === null ? (previous?.validation_mape ?? null) : metrics.mape,
    validation_mae: metrics === null ? (previous?.validation_mae ?? null) : metrics.mae,
  };
}

/** The content of `previous` as a new version, marked with the version it replaces. `run_id` stays that of the content. */
export function restoredConfig(previous: LiveConfig, replaced: Pick<LiveConfig, "version">): LiveConfig {
  return { ...previous, version: replaced.version + 1, restored_from_version: replaced.version };
}

/** What was live before `revision`, null where nothing was or the history no longer tells. */
export function before(revision: number, history: readonly PastEntry[]): LiveConfig | null {
  return history.findLast((entry) => entry.revision < revision)?.value ?? null;
}

/** Versions never repeat, also after a config was removed: telemetry names configs by version. */
function latestVersion(live: LiveEntry | undefined, history: readonly PastEntry[]): number {
  return Math.max(live?.value.version ?? 0, ...history.map(({ value }) => value?.version ?? 0));
}

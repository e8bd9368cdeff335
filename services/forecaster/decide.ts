import { LiveConfig } from "../../shared/contracts/live-config.ts";

/** Which revision of a live-configs key was acted on last. */
export interface ConfigState {
  /** 0 before the first. Never falls: a revision is acted on once, and none after a newer one. */
  readonly seen: number;
  /** False where the newest thing known is that there is no config. */
  readonly present: boolean;
}

export const NOTHING_SEEN: ConfigState = { seen: 0, present: false };

export type ConfigEvent =
  /** A committed write, as the bucket republishes it. */
  | {
      readonly kind: "committed";
      readonly revision: number;
      /** revision of the key before this one, 0 for the first; undefined where the server does not say */
      readonly previous: number | undefined;
      readonly deleted: boolean;
      readonly value: unknown;
    }
  /** The answer to a direct read that was asked when `asked` was the revision seen. */
  | {
      readonly kind: "read";
      readonly asked: number;
      readonly entry: { readonly value: unknown; readonly revision: number } | undefined;
    };

export type ConfigAction =
  | { readonly kind: "ignore" }
  | { readonly kind: "load"; readonly config: LiveConfig; readonly revision: number }
  | { readonly kind: "refuse"; readonly revision: number; readonly error: string }
  | { readonly kind: "clear" };

export interface ConfigDecision {
  readonly state: ConfigState;
  readonly action: ConfigAction;
  /** A write was missed: read the key directly. */
  readonly gap: boolean;
}

/**
 * What a forecaster does about news of its live config.
 *
 *     revision <= seen                     ignore: a repeat, or late
 *     a deletion, or read and not there    clear
 *     breaks its contract                  refuse: what is served stays
 *     else                                 load
 *
 * A read that was asked before the last news says nothing about what is there now, so an absence it found is
 * ignored. Replayable: depends on the arguments alone.
 */
export function decide(state: ConfigState, event: ConfigEvent, forecaster: string): ConfigDecision {
  const ignore: ConfigDecision = { state, action: { kind: "ignore" }, gap: false };
  if (event.kind === "read") {
    if (event.entry === undefined) {
      if (!state.present || event.asked !== state.seen) return ignore;
      return { state: { seen: state.seen, present: false }, action: { kind: "clear" }, gap: false };
    }
    if (event.entry.revision <= state.seen) return ignore;
    return { ...take(event.entry.revision, event.entry.value, forecaster), gap: false };
  }
  const { revision, previous, deleted, value } = event;
  if (revision <= state.seen) return ignore;
  const gap = previous !== undefined && state.seen > 0 && previous !== state.seen;
  if (deleted) return { state: { seen: revision, present: false }, action: { kind: "clear" }, gap };
  return { ...take(revision, value, forecaster), gap };
}

function take(revision: number, value: unknown, forecaster: string): Omit<ConfigDecision, "gap"> {
  const state: ConfigState = { seen: revision, present: true };
  const parsed = LiveConfig.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const error = `live config, revision ${revision}: field '${issue?.path.join(".") ?? ""}': ${issue?.message ?? "invalid"}`;
    return { state, action: { kind: "refuse", revision, error } };
  }
  const config = parsed.data;
  if (config.forecaster !== forecaster) {
    const error = `live config, revision ${revision}: field 'forecaster' is '${config.forecaster}', expected '${forecaster}'`;
    return { state, action: { kind: "refuse", revision, error } };
  }
  return { state, action: { kind: "load", config, revision } };
}

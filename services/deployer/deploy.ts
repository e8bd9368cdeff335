import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { Validated } from "../../shared/contracts/validator.ts";
import { explain, StaleStateError } from "../../shared/errors.ts";
import { deploymentMessage } from "./commit-message.ts";
import { type DeploymentPlan, type LiveEntry, type PastEntry, planDeployment } from "./decide.ts";
import { fileName, LiveFolderError, type Staged, serialise } from "./live-folder.ts";
import type { LivePorts } from "./ports.ts";
import { followBucket, restore } from "./restore.ts";

/** How a deployment ended, before it is published. */
export type Deployment =
  | {
      readonly kind: "deployed";
      readonly config: LiveConfig;
      readonly revision: number;
      readonly previous: LiveConfig | null;
      readonly backup_path: string | null;
      readonly git_hash: string | null;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "failed"; readonly cause: string };

/**
 * Puts an approved candidate live. (A-DEP-1..7)
 *
 *     backup, file under a temporary name -> bucket, compare-and-set -> rename -> git commit
 *
 * What can fail for lack of space or permission comes before the compare-and-set, so it fails with nothing
 * changed. After it only the rename can; then the previous config is restored everywhere. Every step finds
 * out what an earlier attempt of the same run has done, so calling again after a crash at any point ends in
 * the same one deployment. Expects that `approval` was not concluded yet.
 *
 * A process may be paused anywhere while another one deploys the run, and takes it back. So the bucket is read
 * again after the rename, and after the commit; where it has moved on, the file follows it and this one plans anew.
 *
 * @param horizon of the spec, undefined where there is no spec
 * @param live    what is live, for who began to read it before; an old reading does no harm
 * @throws {UnavailableError} when the bus does not answer; calling again is safe
 */
export async function deploy(
  ports: LivePorts,
  approval: CloudEvent<Validated>,
  horizon: string | undefined,
  live: Promise<LiveEntry | undefined> = ports.configs.get(approval.data.forecaster),
): Promise<Deployment> {
  const { forecaster } = approval.data;
  for (let found = await live; ; found = await ports.configs.get(forecaster)) {
    const plan = await plannedDeployment(ports, approval, found, horizon);
    if (plan.kind === "refused") return { kind: "failed", cause: plan.cause };
    if (plan.kind === "taken-back") return { kind: "failed", cause: plan.cause };
    let staged: Staged;
    let backup: string | null;
    try {
      [backup, staged] = await prepare(ports, approval, plan);
    } catch (error) {
      if (!(error instanceof LiveFolderError)) throw error;
      if (plan.kind === "write") return { kind: "failed", cause: `${explain(error)}; nothing was changed` };
      return takeBack(ports, plan, plan.revision, error);
    }
    let revision: number;
    try {
      revision =
        plan.kind === "written"
          ? plan.revision
          : await ports.configs.update(forecaster, plan.config, plan.expectedRevision);
    } catch (error) {
      await staged.discard();
      if (error instanceof StaleStateError) continue; // the next plan sees who wrote, this run's other attempt perhaps
      throw error;
    }
    let isOurs: boolean;
    try {
      await staged.rename();
      [isOurs] = await Promise.all([isStill(ports, forecaster, revision), staged.sync()]);
    } catch (error) {
      if (!(error instanceof LiveFolderError)) throw error;
      return takeBack(ports, plan, revision, error);
    }
    if (!isOurs) {
      await followBucket(ports, forecaster);
      continue;
    }
    const commit = await ports.repository.commit({
      path: fileName(forecaster),
      message: deploymentMessage(plan.config),
      run: approval.data.run_id,
      rollback: false,
    });
    // A commit may take long, and a person may have taken the config back meanwhile: then nothing was deployed.
    if (!(await isStill(ports, forecaster, revision))) {
      await followBucket(ports, forecaster);
      continue;
    }
    const { config, previous } = plan;
    return {
      kind: "deployed",
      config,
      revision,
      previous,
      backup_path: backup,
      git_hash: commit.hash,
      warnings: commit.warnings,
    };
  }
}

type Going = Extract<DeploymentPlan, { kind: "write" | "written" }>;

async function isStill({ configs }: LivePorts, forecaster: string, revision: number): Promise<boolean> {
  return (await configs.get(forecaster))?.revision === revision;
}

async function plannedDeployment(
  { configs }: LivePorts,
  approval: CloudEvent<Validated>,
  live: LiveEntry | undefined,
  horizon: string | undefined,
): Promise<DeploymentPlan> {
  const { forecaster, champion_revision: validatedAgainst } = approval.data;
  if (live !== undefined && live.revision === validatedAgainst)
    return planDeployment(approval, live, [], horizon);
  const history = await configs.history(forecaster);
  return planDeployment(approval, history.length === 0 ? live : newestOf(history), history, horizon);
}

/**
 * What is live as a history ends: it was read later than what was live, and another deployer may have come in between.
 * Taken together they would say that a config which has just gone live was taken back.
 */
function newestOf(history: readonly PastEntry[]): LiveEntry | undefined {
  const { value, revision } = history.at(-1) ?? { value: null, revision: 0 };
  return value === null ? undefined : { value, revision };
}

/** Backup and new file, side by side: neither needs the other. */
async function prepare(
  ports: LivePorts,
  approval: CloudEvent<Validated>,
  plan: Going,
): Promise<[backup: string | null, staged: Staged]> {
  const [backup, staged] = await Promise.allSettled([
    backUp(ports, approval, plan),
    ports.folder.stage(approval.data.forecaster, plan.config),
  ]);
  if (backup.status === "fulfilled" && staged.status === "fulfilled") return [backup.value, staged.value];
  if (staged.status === "fulfilled") await staged.value.discard();
  throw backup.status === "rejected" ? backup.reason : (staged as PromiseRejectedResult).reason;
}

async function backUp(
  { folder }: LivePorts,
  { time, data }: CloudEvent<Validated>,
  plan: Going,
): Promise<string | null> {
  const { previous } = plan;
  // Once the bucket has the new config the file may have it, too; then the bucket's history is asked instead.
  const text = plan.kind === "write" ? await folder.read(data.forecaster) : undefined;
  const kept = text ?? (previous === null ? undefined : serialise(previous));
  return kept === undefined ? null : folder.backUp(data.forecaster, time, previous, kept);
}

async function takeBack(
  ports: LivePorts,
  { config, previous }: Going,
  revision: number,
  error: LiveFolderError,
): Promise<Deployment> {
  const restored = await restore(ports, { config, revision }, previous);
  return { kind: "failed", cause: `${explain(error)}; ${restored}` };
}

import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import { explain, StaleStateError } from "../../shared/errors.ts";
import { rollbackMessage } from "./commit-message.ts";
import { type LiveEntry, restoredConfig } from "./decide.ts";
import { fileName, LiveFolderError } from "./live-folder.ts";
import type { LivePorts } from "./ports.ts";
import { followBucket } from "./restore.ts";
import type { RollbackIntent } from "./state.ts";

/** What a rollback left behind. */
export interface RollbackResult {
  readonly restored: LiveConfig | null;
  readonly revision: number; // of live-configs; 0 where the key was removed
  readonly git_hash: string | null;
  readonly warnings: readonly string[];
}

/**
 * Carries out a rollback that was decided and saved: bucket, file, git. (A-MON-1, A-MON-2) Calling again after
 * a crash at any point does what is missing. A config that another writer put live meanwhile is left alone.
 */
export async function rollBack(
  ports: LivePorts,
  forecaster: string,
  intent: RollbackIntent,
): Promise<RollbackResult> {
  const warnings: string[] = [];
  const { restored, revision } = await rollBackBucket(ports, forecaster, intent, warnings);
  try {
    await followBucket(ports, forecaster);
  } catch (error) {
    if (!(error instanceof LiveFolderError)) throw error;
    warnings.push(
      `the file does not have the restored config yet, it will be written later: ${explain(error)}`,
    );
  }
  const commit = await ports.repository.commit({
    path: fileName(forecaster),
    message: rollbackMessage(forecaster, restored, intent.from_version, intent.event_run),
    run: intent.event_run,
    rollback: true,
  });
  return { restored, revision, git_hash: commit.hash, warnings: [...warnings, ...commit.warnings] };
}

async function rollBackBucket(
  { configs }: LivePorts,
  forecaster: string,
  intent: RollbackIntent,
  warnings: string[],
) {
  for (;;) {
    const live = await configs.get(forecaster);
    const plan = planRollback(live, intent);
    if (plan.warning !== undefined) warnings.push(plan.warning);
    if (plan.kind === "done") return { restored: live?.value ?? null, revision: live?.revision ?? 0 };
    try {
      if (plan.kind === "write")
        return {
          restored: plan.config,
          revision: await configs.update(forecaster, plan.config, live!.revision),
        };
      await configs.delete(forecaster, live!.revision);
      return { restored: null, revision: 0 };
    } catch (error) {
      if (!(error instanceof StaleStateError)) throw error; // else: the next plan sees who wrote
    }
  }
}

type RollbackPlan = ({ kind: "write"; config: LiveConfig } | { kind: "remove" } | { kind: "done" }) & {
  warning?: string;
};

/** What is left to do in the bucket, given what is live. Pure. */
export function planRollback(live: LiveEntry | undefined, intent: RollbackIntent): RollbackPlan {
  const { rolled_back_run: run, from_version: version, to } = intent;
  if (live === undefined) {
    return to === null
      ? { kind: "done" }
      : { kind: "done", warning: "another writer removed the config, so nothing was restored" };
  }
  const { value } = live;
  if (value.version === version && value.run_id === run) {
    return to === null ? { kind: "remove" } : { kind: "write", config: restoredConfig(to, value) };
  }
  if (to !== null && value.restored_from_version === version && value.run_id === to.run_id)
    return { kind: "done" };
  return {
    kind: "done",
    warning: `another writer put version ${value.version} live meanwhile; it was left alone`,
  };
}

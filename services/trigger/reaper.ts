import { durationMs } from "../../shared/contracts/duration.ts";
import type { Failed } from "../../shared/contracts/failed.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { ActiveRun } from "./state.ts";

/**
 * The stage an active run hangs in, or undefined while it may go on: no new step for longer than the time limit of
 * machine time. A run that waits for a person (`held`) and one that is watched (`deployed`) have no limit here, and
 * a shadow trial gets its own duration on top.
 *
 * @param machineMs now on the clock that also stamps the stream's messages
 */
export function stuckStage(
  active: ActiveRun,
  machineMs: number,
  timeoutMs: number,
  spec: ForecasterSpec | undefined,
): Failed["stage"] | undefined {
  const stage = stageAfter(active, spec);
  if (stage === undefined) return undefined;
  const extraMs = stage === "trial" && spec !== undefined ? durationMs(spec.shadow.duration) : 0;
  return machineMs - active.step_stored_at > timeoutMs + extraMs ? stage : undefined;
}

function stageAfter(
  { step, first_deployment }: ActiveRun,
  spec: ForecasterSpec | undefined,
): Failed["stage"] | undefined {
  switch (step) {
    case "accepted":
      return "search";
    case "searched":
      return "validation";
    case "approved":
      return spec?.shadow.enabled && !first_deployment ? "trial" : "deployment";
    case "trialled":
      return "deployment";
    default:
      return undefined;
  }
}

import { durationMs } from "../../../shared/contracts/duration.ts";
import type { Failed } from "../../../shared/contracts/failed.ts";
import { type ForecasterSpec, ShadowSpec, WatchSpec } from "../../../shared/contracts/spec.ts";
import { nextStage, type Validated } from "../../../shared/contracts/validator.ts";
import type { ActiveRun } from "../state.ts";

/** `next_stage` is what the run's approval says; a run without it is judged by the spec of now. */
type Reapable = Omit<ActiveRun, "action" | "escalates_to"> & Pick<Validated, "next_stage">;

/**
 * The stage an active run hangs in, or undefined while it may go on: no new step for longer than the time limit of
 * machine time. A run that waits for a person (`held`) has no limit here; a shadow trial and the watch after a
 * deployment get their own duration on top.
 *
 * @param machineMs now on the clock that also stamps the stream's messages
 */
export function stuckStage(
  active: Reapable,
  machineMs: number,
  timeoutMs: number,
  spec: Pick<ForecasterSpec, "shadow" | "watch"> | undefined,
): Failed["stage"] | undefined {
  const stage = stageAfter(active, spec);
  if (stage === undefined) return undefined;
  const { shadow = ShadowSpec.parse({}), watch = WatchSpec.parse({}) } = spec ?? {};
  const own = stage === "trial" ? shadow.duration : stage === "watch" ? watch.duration : undefined;
  const limitMs = timeoutMs + (own === undefined ? 0 : durationMs(own));
  return machineMs - active.step_stored_at > limitMs ? stage : undefined;
}

function stageAfter(
  active: Reapable,
  spec: Pick<ForecasterSpec, "shadow"> | undefined,
): Failed["stage"] | undefined {
  switch (active.step) {
    case "accepted":
      return "search";
    case "searched":
      return "validation";
    case "approved":
      return nextStage(active, spec?.shadow.enabled);
    case "trialled":
      return "deployment";
    case "deployed":
      return "watch";
    default:
      return undefined;
  }
}

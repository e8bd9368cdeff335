import { durationMs } from "../../../shared/contracts/duration.ts";
import type { Failed } from "../../../shared/contracts/failed.ts";
import { type ForecasterSpec, SearchSpec, ShadowSpec, WatchSpec } from "../../../shared/contracts/spec.ts";
import { nextStage, type Validated } from "../../../shared/contracts/validator.ts";
import type { ActiveRun } from "../state.ts";

/** `next_stage` is what the run's approval says; a run without it is judged by the spec of now. */
type Reapable = Omit<ActiveRun, "action" | "escalates_to"> & Pick<Validated, "next_stage">;

/**
 * The stage an active run hangs in, or undefined while it may go on: no new step for longer than the time limit of
 * machine time. A run that waits for a person (`held`) has no limit here; a shadow trial and the watch after a
 * deployment get their own duration on top, a search its time limit for the trials and for what is trained after them,
 * and that of its fallback.
 *
 * @param machineMs now on the clock that also stamps the stream's messages
 */
export function stuckStage(
  active: Reapable,
  machineMs: number,
  timeoutMs: number,
  spec: Pick<ForecasterSpec, "search" | "shadow" | "watch"> | undefined,
): Failed["stage"] | undefined {
  const stage = stageAfter(active, spec);
  if (stage === undefined) return undefined;
  const limitMs = timeoutMs + ownMs(stage, spec);
  return machineMs - active.step_stored_at > limitMs ? stage : undefined;
}

function ownMs(
  stage: Failed["stage"],
  spec: Pick<ForecasterSpec, "search" | "shadow" | "watch"> | undefined,
): number {
  const {
    search = SearchSpec.parse({}),
    shadow = ShadowSpec.parse({}),
    watch = WatchSpec.parse({}),
  } = spec ?? {};
  if (stage === "trial") return durationMs(shadow.duration);
  if (stage === "watch") return durationMs(watch.duration);
  return stage === "search" ? 2 * durationMs(search.time_limit) + durationMs(search.fallback.time_limit) : 0;
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

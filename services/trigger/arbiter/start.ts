import { durationMs } from "../../../shared/contracts/duration.ts";
import type { TriggerSpec } from "../../../shared/contracts/spec.ts";
import type { Accepted } from "../../../shared/contracts/trigger.ts";
import { isOpen, nextClosed, nextOpening } from "../../../shared/schedule/windows.ts";
import type { Wish } from "../state.ts";

type Timing = Pick<TriggerSpec, "maintenance" | "quiet" | "medium_within">;

/** Quiet and maintenance windows may hand a wish to each other for as many rounds; then they never let it go. */
const MAX_ROUNDS = 50;

/**
 * The first instant at or after `atMs` at which the windows let a wish start; null where they never do.
 *
 * - manual: at once
 * - else: outside of quiet windows, and there
 *   - a schedule, a first deployment, high priority: at once
 *   - medium: in a maintenance window, or `medium_within` after it was wished for, whichever comes first (C-FLT-1)
 *   - low: in a maintenance window
 *   - without maintenance windows: at once
 */
export function startOf(wish: Wish, timing: Timing, atMs: number): number | null {
  if (wish.cause === "manual") return atMs;
  let at = atMs;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const wanted = urgencyStart(wish, timing, at);
    const calm = wanted === null ? null : nextClosed(timing.quiet, wanted);
    if (calm === null || calm === wanted) return calm;
    at = calm;
  }
  return null;
}

/** What lets a wish start at `atMs`, where `startOf` says that it may; undefined where nothing held it. */
export function openedBy(wish: Wish, timing: Timing, atMs: number): Accepted["window"] {
  if (wish.cause === "manual") return undefined;
  if (waitsForMaintenance(wish, timing)) return isOpen(timing.maintenance, atMs) ? "maintenance" : "deadline";
  return isOpen(timing.quiet, Date.parse(wish.since)) ? "quiet-over" : undefined;
}

function urgencyStart(wish: Wish, timing: Timing, atMs: number): number | null {
  if (!waitsForMaintenance(wish, timing)) return atMs;
  const opening = nextOpening(timing.maintenance, atMs);
  if (wish.priority === "low") return opening;
  const deadline = Math.max(atMs, Date.parse(wish.since) + durationMs(timing.medium_within));
  return opening === null ? deadline : Math.min(opening, deadline);
}

function waitsForMaintenance({ cause, priority }: Wish, { maintenance }: Timing): boolean {
  return cause === "trigger" && priority !== "high" && maintenance.length > 0;
}

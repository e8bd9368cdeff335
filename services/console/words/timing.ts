import type { ArbiterStatus } from "../../../shared/contracts/trigger.ts";
import { joined, moment, readable } from "./format.ts";

const CAUSES: Record<NonNullable<ArbiterStatus["pending"]>["cause"], string> = {
  manual: "requested",
  trigger: "triggered",
  "first-deployment": "first",
  schedule: "scheduled",
  escalation: "more thorough",
};

/** "a triggered run of high priority waits since … and starts …: why". */
export function pendingText(pending: NonNullable<ArbiterStatus["pending"]>): string {
  const { cause, priority, reasons, since, starts_at } = pending;
  const start = starts_at === null ? ", but no window lets it start" : ` and starts ${moment(starts_at)}`;
  const why = joined(reasons);
  return `a ${CAUSES[cause]} run of ${priority} priority waits since ${moment(since)}${start}${why === "" ? "" : `: ${readable(why)}`}`;
}

/** "next scheduled run … (0 6 * * 1, Europe/Berlin)". */
export function scheduleText({ at, cron, zone }: NonNullable<ArbiterStatus["next_schedule"]>): string {
  return `next scheduled run ${moment(at)} (${cron}, ${zone})`;
}

/** All that the arbiter says of one forecaster, a clause each: what waits, what comes next, what holds it back. */
export function timingTexts(status: ArbiterStatus): string[] {
  const { pending, next_schedule: next, cooldown_until: cooldown, budget, quiet } = status;
  return [
    ...(pending === null ? [] : [pendingText(pending)]),
    ...(next === null ? [] : [scheduleText(next)]),
    ...(cooldown === null ? [] : [`cool-down until ${moment(cooldown)}`]),
    ...(quiet ? ["a quiet window is open"] : []),
    ...(budget === null ? [] : [`${budget.left} of ${budget.runs} automatic runs left in 7 days`]),
  ];
}

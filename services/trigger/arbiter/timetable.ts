import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Schedule } from "../../../shared/contracts/spec-timing.ts";
import type { ScheduledTime } from "../../../shared/contracts/trigger.ts";
import { lastAtOrBefore, nextAfter } from "../../../shared/schedule/cron.ts";
import type { ArbiterState } from "../state.ts";
import { startOf } from "./start.ts";

/** How late a time may be dealt with that is not caught up. */
const LATE_MS = 3_600_000;
/** A time dealt with that lies further ahead was seen on a clock that was wrong. */
const AHEAD_MS = 86_400_000;

type Handled = ArbiterState["schedules"];

/** Under which a state remembers the last time of a schedule. */
export function scheduleKey({ cron, zone }: Pick<Schedule, "cron" | "zone">): string {
  return `${cron} ${zone}`;
}

/**
 * The scheduled times that are due: of each schedule the newest one at most, so that a long downtime is caught up
 * once (A-TRG-6, D-SCH-1). A schedule seen for the first time counts from now on; so does one whose last time lies
 * more than a day ahead, since the clock was set back.
 *
 * @returns what was handled by now (the same object where nothing changed) and what is due
 */
export function dueSchedules(
  handled: Handled,
  schedules: readonly Schedule[],
  atMs: number,
): { handled: Handled; due: ScheduledTime[] } {
  const due: ScheduledTime[] = [];
  const next: Handled = {};
  for (const schedule of schedules) {
    const { cron, zone, catch_up } = schedule;
    const key = scheduleKey(schedule);
    const known = knownTime(handled, key, atMs);
    next[key] = known ?? atMs;
    if (known === undefined || (nextAfter(cron, zone, known) ?? Infinity) > atMs) continue;
    const last = lastAtOrBefore(cron, zone, atMs) ?? known;
    next[key] = last;
    if (catch_up || atMs - last <= LATE_MS) due.push({ cron, zone, at: new Date(last).toISOString() });
  }
  const keys = Object.keys(next);
  const same = keys.length === Object.keys(handled).length && keys.every((key) => next[key] === handled[key]);
  return { handled: same ? handled : next, due };
}

/** The next time of a forecaster's schedules after `afterMs`, undefined where there is none. */
export function nextScheduled(schedules: readonly Schedule[], afterMs: number): ScheduledTime | undefined {
  return schedules
    .flatMap(({ cron, zone }) => {
      const atMs = nextAfter(cron, zone, afterMs);
      return atMs === null ? [] : [{ cron, zone, atMs }];
    })
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ cron, zone, atMs }) => ({ cron, zone, at: new Date(atMs).toISOString() }))[0];
}

/**
 * When a forecaster has to be looked at again, for a time that comes or came: a scheduled one, or the start of a
 * waiting wish. At or before `atMs` means now; null never, as things are.
 */
export function nextLook(
  { schedules: handled, pending }: Pick<ArbiterState, "schedules" | "pending">,
  spec: ForecasterSpec | undefined,
  atMs: number,
): number | null {
  const looks: number[] = [];
  if (pending !== null) looks.push((spec?.enabled && startOf(pending, spec.trigger, atMs)) || atMs);
  for (const schedule of spec?.trigger.schedule ?? []) {
    const known = knownTime(handled, scheduleKey(schedule), atMs);
    const next = known === undefined ? atMs : nextAfter(schedule.cron, schedule.zone, known);
    if (next !== null) looks.push(next);
  }
  return looks.length === 0 ? null : Math.min(...looks);
}

function knownTime(handled: Handled, key: string, atMs: number): number | undefined {
  const known = handled[key];
  return known === undefined || known > atMs + AHEAD_MS ? undefined : known;
}

import { instantsOf, localTime, offsetChange } from "./zone.ts";

export const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** A stretch of time that comes back every day or week, on the clocks of a zone. */
export interface TimeWindow {
  /** On which it opens: one that passes midnight ends on the day after. */
  readonly days: readonly Weekday[];
  /** `HH:MM`, included. */
  readonly from: string;
  /** `HH:MM`, excluded; `24:00` is the end of the day; at or before `from` means of the next day. */
  readonly to: string;
  /** IANA name such as `America/Santiago`. */
  readonly zone: string;
}

const DAY_MS = 86_400_000;
/** Windows come back every week; where spring swallows one whole, the next week's counts. */
const LOOK_AHEAD_DAYS = 15;

/** Whether the clocks show a time of one of the windows. Where autumn repeats an hour, both count. */
export function isOpen(windows: readonly TimeWindow[], atMs: number): boolean {
  return windows.some(({ days, from, to, zone }) => {
    const { weekday, minute } = localTime(zone, atMs);
    const [opens, closes] = [minuteOf(from), minuteOf(to)];
    const opensToday = days.includes(WEEKDAYS[weekday]!) && minute >= opens;
    if (closes > opens) return opensToday && minute < closes;
    const openedYesterday = days.includes(WEEKDAYS[(weekday + 6) % 7]!) && minute < closes;
    return opensToday || openedYesterday;
  });
}

/** The first instant at or after `atMs` at which one of the windows is open; null where none ever is. */
export function nextOpening(windows: readonly TimeWindow[], atMs: number): number | null {
  return firstWhere(windows, atMs, true);
}

/** The first instant at or after `atMs` at which none of the windows is open; null where one always is. */
export function nextClosed(windows: readonly TimeWindow[], atMs: number): number | null {
  return firstWhere(windows, atMs, false);
}

/** Minutes after midnight of `HH:MM`. */
export function minuteOf(clockTime: string): number {
  const [hours, minutes] = clockTime.split(":");
  return Number(hours) * 60 + Number(minutes);
}

/** Windows open and close only at their own times and where a zone changes its offset: those instants are tried in order. */
function firstWhere(windows: readonly TimeWindow[], atMs: number, wanted: boolean): number | null {
  if (isOpen(windows, atMs) === wanted) return atMs;
  for (let ahead = 0; ahead < LOOK_AHEAD_DAYS; ahead += 1) {
    const fromMs = atMs + ahead * DAY_MS;
    const found = changes(windows, fromMs, fromMs + DAY_MS).find((each) => isOpen(windows, each) === wanted);
    if (found !== undefined) return found;
  }
  return null;
}

/** Instants in (`fromMs`, `toMs`] at which a window may open or close, ascending. The span is a day at most. */
function changes(windows: readonly TimeWindow[], fromMs: number, toMs: number): number[] {
  const found = windows.flatMap(({ from, to, zone }) => {
    const { day } = localTime(zone, fromMs);
    const own = [day, day + 1, day + 2].flatMap((each) =>
      [from, to].flatMap((time) => instantsOf(zone, each, minuteOf(time))),
    );
    return [...own, offsetChange(zone, fromMs, toMs) ?? toMs];
  });
  return [...new Set(found)].filter((each) => each > fromMs && each <= toMs).sort((a, b) => a - b);
}

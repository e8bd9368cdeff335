import { isWeekend } from "../context.ts";
import type { StepGrid } from "../quantile-forecast.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What a clock and a calendar say of a time, UTC: the name of a feature. */
const FIELDS = {
  minute: { period: HOUR, read: (date: Date) => date.getUTCMinutes() },
  hour: { period: DAY, read: (date: Date) => date.getUTCHours() },
  weekday: { period: 7 * DAY, read: (date: Date) => date.getUTCDay() },
  day_of_month: { period: 31 * DAY, read: (date: Date) => date.getUTCDate() },
  month: { period: 366 * DAY, read: (date: Date) => date.getUTCMonth() + 1 },
} as const satisfies Record<string, { period: number; read: (date: Date) => number }>;

export type CalendarField = keyof typeof FIELDS;
export const CALENDAR_FIELDS = Object.keys(FIELDS) as CalendarField[];

/**
 * The fields that differ from step to step of a grid and come round at least twice in a span: a month seen once is no
 * season but a name for a time that never returns.
 */
export function calendarFields({ stepMs }: StepGrid, spanMs: number): CalendarField[] {
  return CALENDAR_FIELDS.filter((field) => {
    const { period } = FIELDS[field];
    return stepMs < period && spanMs >= 2 * period;
  });
}

/** @param atMs ms since the epoch; NaN where the time is not known, and so is then the field */
export function calendarValue(field: CalendarField, atMs: number): number {
  return FIELDS[field].read(new Date(atMs));
}

/** Times of the `steps` steps after `endMs` on a grid, ms since the epoch. */
export function timesAfter(endMs: number, steps: number, { stepMs, calendar }: StepGrid): Float64Array {
  const times = new Float64Array(steps);
  let at = endMs;
  for (let h = 0; h < steps; h += 1) {
    at += stepMs;
    while (calendar === "weekdays" && isWeekend(at)) at += stepMs;
    times[h] = at;
  }
  return times;
}

/** Times of the last `steps` steps up to and with `endMs`, oldest first. */
export function timesUpTo(endMs: number, steps: number, { stepMs, calendar }: StepGrid): Float64Array {
  const times = new Float64Array(steps);
  let at = endMs;
  for (let t = steps - 1; t >= 0; t -= 1) {
    times[t] = at;
    at -= stepMs;
    while (calendar === "weekdays" && isWeekend(at)) at -= stepMs;
  }
  return times;
}

import { z } from "zod";

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** Some digit is not 0, and the number of digits keeps the milliseconds finite and above 0. */
const PATTERN = /^(?=[\d.]*[1-9])(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h|d|w)$/;

/**
 * A span of time as people write it: `500ms`, `90s`, `60m`, `24h`, `14d`, `2w`. It is longer than nothing: a wait or a
 * step of 0 would never end.
 */
export const Duration = z
  .string()
  .regex(PATTERN, "expected a positive number and a unit of ms, s, m, h, d or w, such as 14d");
export type Duration = z.infer<typeof Duration>;

/** Milliseconds of a `Duration`. Throws a RangeError on anything else. */
export function durationMs(duration: Duration): number {
  const match = PATTERN.exec(duration);
  if (match === null) throw new RangeError(`'${duration}' is no duration such as 14d`);
  return Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS];
}

/** Days of a `Duration`, fractions kept. */
export function durationDays(duration: Duration): number {
  return durationMs(duration) / UNITS_MS.d;
}

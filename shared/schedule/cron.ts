import { Cron } from "croner";
import { isZone } from "./zone.ts";

/** Patterns kept parsed: parsing costs a hundred times a look-up, and a program meets few patterns. */
const MAX_KEPT = 1_000;
const kept = new Map<string, Pattern>();

interface Pattern {
  readonly cron: Cron;
  /** The last answer of `nextAfter`: the pattern does not hold in (`afterMs`, `nextMs`). */
  answer?: { readonly afterMs: number; readonly nextMs: number | null };
}

/**
 * The first instant strictly after `afterMs` at which a cron pattern holds on the clocks of a zone.
 *
 * A pattern that names its minutes and hours (`30 2 * * *`) happens once on each of its days, whatever the clocks do: a
 * time that is skipped in spring comes at the first instant after the gap, one that comes twice in autumn counts the first
 * time. A pattern with a `*` or a step there means an interval: it skips what does not exist and happens twice in
 * the doubled hour.
 *
 * Pure: the result depends on the arguments and the zone data of Node alone.
 *
 * @param cron five fields: minute, hour, day of month, month, day of week (0 and 7 are Sunday, `SUN` works, too)
 * @param zone IANA name such as `America/Santiago`
 * @param afterMs ms since the epoch
 * @returns ms since the epoch; null where the pattern never happens again (30 February)
 * @throws {RangeError} when `cronProblem` has something to say
 */
export function nextAfter(cron: string, zone: string, afterMs: number): number | null {
  const pattern = parsed(cron, zone);
  const known = pattern.answer;
  if (known !== undefined && known.afterMs <= afterMs && afterMs < (known.nextMs ?? Infinity))
    return known.nextMs;
  const nextMs = pattern.cron.nextRun(new Date(afterMs))?.getTime() ?? null;
  pattern.answer = { afterMs, nextMs };
  return nextMs;
}

/** The last instant at or before `atMs` at which the pattern held; otherwise as `nextAfter`. */
export function lastAtOrBefore(cron: string, zone: string, atMs: number): number | null {
  const nextSecondMs = (Math.floor(atMs / 1_000) + 1) * 1_000;
  return parsed(cron, zone).cron.previousRuns(1, new Date(nextSecondMs))[0]?.getTime() ?? null;
}

/** What is wrong with a pattern, undefined where nothing is. */
export function cronProblem(cron: string): string | undefined {
  try {
    parsed(cron, "UTC");
    return undefined;
  } catch (error) {
    return (error as RangeError).message;
  }
}

function parsed(cron: string, zone: string): Pattern {
  const key = `${cron} ${zone}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made: Pattern = { cron: parse(cron, zone) };
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, made);
  return made;
}

function parse(cron: string, zone: string): Cron {
  if (!isZone(zone)) throw new RangeError(`'${zone}' is no IANA time zone such as America/Santiago`);
  try {
    const options = { timezone: zone, paused: true, mode: "5-part", fixedTimeRule: "no-wildcard" } as const;
    return new Cron(cron.trim(), options);
  } catch (cause) {
    throw new RangeError(`'${cron}' is no cron pattern, expected five fields such as '0 2 * * 0'`, { cause });
  }
}

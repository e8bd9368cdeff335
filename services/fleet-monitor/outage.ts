import type { OutageReason } from "../../shared/contracts/fleet-monitor.ts";
import { FeedClock } from "./feed-clock.ts";
import { mostAtOnce } from "./mass-silence.ts";
import { recogniseRenames } from "./renames.ts";
import type { Excused, Fleet, FleetParams, Outage } from "./state.ts";

/** Looks for a fleet that fell silent at once, each of which is at every entity, in the shortest time of an outage. */
const CHECKS = 2;
const HOUR_MS = 3_600_000;
/** Outages remembered one by one. */
const MOST_OUTAGES = 500;

/** Silence of the whole series beyond which it is an outage; null while its usual gap is unknown. */
export function silenceLimit(fleet: Fleet, { outageFactor, leastOutageMs }: FleetParams): number | null {
  const usual = fleet.spacing.usualMs();
  return usual === null ? null : Math.max(leastOutageMs, outageFactor * usual);
}

/**
 * Moves the series' event time on to `atMs`. A gap beyond the limit was an outage of the feed: it began when the
 * next observation was due and ended with this one. It goes into the usual gap as long as the limit alone, so that
 * one outage does not hide the next, yet a feed that has become slower is understood after some gaps.
 */
export function advance(fleet: Fleet, atMs: number, params: FleetParams, excused: () => Excused): void {
  const first = fleet.newestMs === Number.NEGATIVE_INFINITY;
  const gapMs = atMs - fleet.newestMs;
  const { newestMs } = fleet;
  fleet.newestMs = atMs;
  fleet.dirty.add(0);
  if (first) {
    fleet.checkedMs = atMs;
    return;
  }
  const limitMs = silenceLimit(fleet, params);
  if (limitMs !== null && gapMs > limitMs) {
    const reason = fleet.feedOutage?.reason ?? "feed";
    remember(fleet, { fromMs: newestMs + fleet.spacing.usualMs()!, toMs: atMs, reason });
    fleet.spacing.add(limitMs);
  } else fleet.spacing.add(gapMs);
  fleet.feedOutage = null;
  if (isPassed(HOUR_MS, newestMs, atMs)) fleet.level.turn(fleet.roster.size);
  if (isPassed(6 * HOUR_MS, newestMs, atMs)) recogniseRenames(fleet, feedClock(fleet, excused()));
  if (atMs - fleet.checkedMs >= params.leastOutageMs / CHECKS) checkFleet(fleet, params, excused());
}

/** The clock that silence is measured by: it stands still in outages and in what is excused. */
export function feedClock(fleet: Fleet, excused: Excused): FeedClock {
  const { fleetOutage, newestMs } = fleet;
  const open = fleetOutage === null ? [] : [{ fromMs: fleetOutage.sinceMs, toMs: newestMs }];
  return new FeedClock([...fleet.outages, ...open, ...excused]);
}

/**
 * Looks whether most of the fleet fell silent at once (see `mostAtOnce`), or whether it is back: then fewer than
 * `outageShare` of it are missing, newcomers in their place counted. An outage that lasts for `believedAfterMs`,
 * outages of the feed not counted, is over then and never begins again for the same entities: a data centre may really have been closed.
 */
function checkFleet(fleet: Fleet, params: FleetParams, excused: Excused): void {
  const { newestMs } = fleet;
  fleet.checkedMs = newestMs;
  const open = fleet.fleetOutage;
  if (open === null) {
    const limitMs = silenceLimit(fleet, params) ?? params.leastOutageMs;
    fleet.fleetOutage = mostAtOnce(fleet, feedClock(fleet, excused), limitMs, params);
    return;
  }
  const lastsMs = new FeedClock(fleet.outages).between(open.sinceMs, newestMs);
  const isBelieved = lastsMs >= params.believedAfterMs;
  if (!isBelieved && missing(fleet, open.fromMs, open.untilMs) >= params.outageShare * open.before) return;
  if (isBelieved) fleet.believedMs = open.untilMs;
  fleet.fleetOutage = null;
  remember(fleet, { fromMs: open.sinceMs, toMs: newestMs, reason: "fleet" });
}

/** Entities last seen in [fromMs, untilMs], less those that came since and are still heard of after it. */
function missing({ roster }: Fleet, fromMs: number, untilMs: number): number {
  let count = 0;
  for (const slot of roster.slots.values()) {
    const last = roster.lastSeenMs[slot]!;
    if (last >= fromMs && last <= untilMs) count += 1;
    else if (roster.firstSeenMs[slot]! >= fromMs) count -= 1;
  }
  return count;
}

/**
 * Says that nothing comes, while nothing comes: opens an outage in the state, which changes no silence (that waits for
 * the next observation) but is there to be seen.
 *
 * @param nowMs the shell's clock
 * @param othersHeardMs when the newest observation of any other series came; null where there is no other
 */
export function tick(fleet: Fleet, nowMs: number, othersHeardMs: number | null, params: FleetParams): void {
  const limitMs = silenceLimit(fleet, params);
  if (fleet.feedOutage !== null || limitMs === null || nowMs - fleet.heardMs <= limitMs) return;
  const isAlone = othersHeardMs === null || nowMs - othersHeardMs <= limitMs;
  const reason: OutageReason = isAlone ? "feed" : "telemetry";
  fleet.feedOutage = { sinceMs: fleet.newestMs + fleet.spacing.usualMs()!, reason };
  fleet.dirty.add(0);
}

/**
 * Keeps an outage. Beyond 500 the two oldest become one as long as both, ending where the later one ended: exact
 * for whoever was last seen before both, and never too short for anybody.
 */
function remember(fleet: Fleet, outage: Outage): void {
  const { outages } = fleet;
  if (outage.toMs <= outage.fromMs) return;
  outages.push(outage);
  fleet.dirty.add(0);
  if (outages.length <= MOST_OUTAGES) return;
  const [first, second] = [outages.shift()!, outages.shift()!];
  outages.unshift({ ...second, fromMs: second.fromMs - (first.toMs - first.fromMs) });
}

/** Whether a multiple of `periodMs` lies between two times. */
function isPassed(periodMs: number, beforeMs: number, afterMs: number): boolean {
  return Math.floor(beforeMs / periodMs) !== Math.floor(afterMs / periodMs);
}

import type { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { type EntityState, isForgotten, modelSince, OFFLINE_MS, stateOf } from "./decide.ts";
import type { FeedClock } from "./feed-clock.ts";
import { feedClock, silenceLimit } from "./outage.ts";
import { suggestedRenames } from "./renames.ts";
import type { Excused, Fleet, FleetParams } from "./state.ts";
import { driftTier, unknownTier, worse } from "./tiers.ts";
import type { Counts } from "./unknown-rate.ts";

/** Most entities a list of a status names; the totals are always of all. */
export const MOST_NAMED = 1_000;

const DAY_MS = 86_400_000;

/** New name to old name, as somebody confirmed it. */
export type Renames = ReadonlyMap<string, string>;

export interface StatusOptions {
  readonly excused?: Excused;
  readonly confirmed?: Renames;
  readonly mostNamed?: number;
}

/** What one look at every entity gathers; slots, where it is entities. */
interface Census {
  known: number;
  active: number;
  covered: number;
  sunset: number; // in the vocabulary
  gone: number; // sunset, whether known or not
  readonly fresh: number[];
  readonly silent: number[];
  readonly uncovered: number[];
}

/** A confirmed rename, with the slots of both names. */
interface InForce {
  readonly from: string;
  readonly to: string;
  readonly came: number;
  readonly left: number | undefined;
}

/**
 * Figures of one series.
 *
 *     drift         = (new + sunset) / known                                        C-FLT-1, null while nothing is known
 *     unknown rate  = predictions about unknown entities / predictions, by time and by count           C-FLT-2
 *     coverage      = active entities that were predicted and known within `windowMs` / active ones    C-OPS-1
 *
 * `known` counts entities in the model's vocabulary, sunset ones included: that is what makes a vocabulary stale.
 * One that was sunset before the present models came has left it (see `sweep`). Of a confirmed rename neither name counts
 * as new or sunset, as long as the old one stays silent.
 */
export function statusOf(fleet: Fleet, params: FleetParams, options: StatusOptions = {}): FleetStatus {
  const { excused = [], confirmed = new Map(), mostNamed = MOST_NAMED } = options;
  const { roster, newestMs } = fleet;
  const clock = feedClock(fleet, excused);
  const inForce = renamesInForce(fleet, clock, confirmed, params);
  const census = takeCensus(fleet, clock, inForce, params);
  const nameOf = (slot: number) => roster.names[slot]!;
  const names = (slots: readonly number[]) => slots.slice(0, mostNamed).map(nameOf).sort();
  const fresh = census.fresh.slice(0, mostNamed).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const [byTime, byCount] = [fleet.byTime.counts(), fleet.byCount.counts()];
  const changed = census.fresh.length + census.sunset;
  return {
    series: fleet.series,
    as_of: isoOrNull(newestMs),
    seen: roster.size - census.gone,
    active_total: census.active,
    known: census.known,
    new: fresh.map(nameOf),
    new_total: census.fresh.length,
    new_days: fresh.map((slot) => (newestMs - roster.firstSeenMs[slot]!) / DAY_MS),
    sunset_total: census.sunset,
    silent: longestSilent(fleet, census.silent, mostNamed).map((slot) => {
      const silentMs = clock.between(roster.lastSeenMs[slot]!, newestMs);
      const state: EntityState = stateOf(silentMs, roster.known[slot] === 1);
      return { entity: roster.names[slot]!, state, days: silentMs / DAY_MS };
    }),
    silent_total: census.silent.length,
    drift: census.known === 0 ? null : changed / census.known,
    tier: driftTier(changed, census.known),
    unknown_rate: rate(byTime),
    unknown_rates: { by_time: rate(byTime), by_count: rate(byCount) },
    predictions: { by_time: byTime.all, by_count: byCount.all },
    unknown_tier: worse(unknownTier(byTime), unknownTier(byCount)),
    outage: outageOf(fleet),
    renames: suggestedRenames(fleet)
      .filter(({ to }) => !confirmed.has(to))
      .slice(0, mostNamed),
    renamed: inForce.slice(0, mostNamed).map(({ from, to }) => ({ from, to })),
    coverage: census.active === 0 || fleet.models.size === 0 ? null : census.covered / census.active,
    uncovered: names(census.uncovered),
    uncovered_total: census.uncovered.length,
    model_since: isoOrNull(modelSince(fleet)),
  };
}

/** Confirmed renames whose new name was seen and whose old one is silent beyond what is usual for it; with slots. */
function renamesInForce(fleet: Fleet, clock: FeedClock, confirmed: Renames, params: FleetParams): InForce[] {
  const { roster, newestMs } = fleet;
  const limitMs = silenceLimit(fleet, params) ?? params.leastOutageMs;
  const isVanished = (slot: number) =>
    clock.between(roster.lastSeenMs[slot]!, newestMs) >
    Math.max(limitMs, params.outageFactor * roster.gapMs[slot]!);
  return [...confirmed].flatMap(([to, from]) => {
    const [came, left] = [roster.slots.get(to), roster.slots.get(from)];
    return came !== undefined && (left === undefined || isVanished(left)) ? [{ from, to, came, left }] : [];
  });
}

function takeCensus(
  fleet: Fleet,
  clock: FeedClock,
  inForce: readonly InForce[],
  { windowMs }: FleetParams,
): Census {
  const { roster, newestMs } = fleet;
  const renamedTo = new Set(inForce.map(({ came }) => came));
  const renamedFrom = new Set(inForce.map(({ left }) => left));
  const since = modelSince(fleet);
  const covers = newestPrediction(fleet) - windowMs;
  const census: Census = {
    known: 0,
    active: 0,
    covered: 0,
    sunset: 0,
    gone: 0,
    fresh: [],
    silent: [],
    uncovered: [],
  };
  for (const slot of roster.slots.values()) {
    const silentMs = clock.between(roster.lastSeenMs[slot]!, newestMs);
    const known = roster.known[slot] === 1;
    const state = stateOf(silentMs, known);
    const isRetired = state === "sunset" && isForgotten(fleet, clock, since, slot) && !renamedFrom.has(slot);
    if (known && !isRetired) census.known += 1;
    if (silentMs < OFFLINE_MS) {
      census.active += 1;
      if (known && roster.predictedMs[slot]! > covers) census.covered += 1;
      else census.uncovered.push(slot);
      if (state === "new" && !renamedTo.has(slot)) census.fresh.push(slot);
      continue;
    }
    if (state === "sunset") census.gone += 1;
    if (renamedFrom.has(slot)) continue;
    census.silent.push(slot);
    if (state === "sunset" && known && !isRetired) census.sunset += 1;
  }
  return census;
}

/** The outage that lasts; of two, the one that began first. */
function outageOf({ feedOutage, fleetOutage }: Fleet): FleetStatus["outage"] {
  const open = [
    ...(feedOutage === null ? [] : [feedOutage]),
    ...(fleetOutage === null ? [] : [{ sinceMs: fleetOutage.sinceMs, reason: "fleet" as const }]),
  ].sort((a, b) => a.sinceMs - b.sinceMs)[0];
  return open === undefined ? null : { since: new Date(open.sinceMs).toISOString(), reason: open.reason };
}

/** The `count` slots last seen longest ago, in that order; a million names are not sorted for it. */
function longestSilent({ roster }: Fleet, slots: readonly number[], count: number): number[] {
  const last = (slot: number) => roster.lastSeenMs[slot]!;
  let named = slots;
  if (slots.length > count) {
    const limit = Float64Array.from(slots, last).sort()[count]!;
    const longer = slots.filter((slot) => last(slot) < limit);
    named = [...longer, ...slots.filter((slot) => last(slot) === limit).slice(0, count - longer.length)];
  }
  return named.toSorted((a, b) => last(a) - last(b) || (roster.names[a]! < roster.names[b]! ? -1 : 1));
}

function newestPrediction({ models }: Fleet): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (const { lastMs } of models.values()) newest = Math.max(newest, lastMs);
  return newest;
}

function rate({ all, unknown }: Counts): number | null {
  return all === 0 ? null : unknown / all;
}

function isoOrNull(timeMs: number): string | null {
  return Number.isFinite(timeMs) ? new Date(timeMs).toISOString() : null;
}

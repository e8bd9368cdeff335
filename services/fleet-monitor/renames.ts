import type { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import type { FeedClock } from "./feed-clock.ts";
import { distance } from "./fingerprint.ts";
import type { Fleet } from "./state.ts";

const HOUR_MS = 3_600_000;
/** A new name that appears so long after another fell silent may be the same entity. */
const WITHIN_MS = 6 * HOUR_MS;
/** How long a newcomer is watched before it is compared, and until when. */
const WATCHED_MS = 24 * HOUR_MS;
const DECIDED_MS = 72 * HOUR_MS;
/** Observations that a fingerprint needs. */
const LEAST_OBSERVATIONS = 24;
/** Largest distance of an entity to itself under another name; see `distance`. */
const FARTHEST = 0.75;
/** So many of the others must be so much farther away: to be alike in a fleet of twins means nothing. */
const LEAST_DISTINCT = 0.95;
const MARGIN = 1.25;
/** And this much besides: what is less than a fifth of a standard deviation apart tells nobody from anybody. */
const NOISE = 0.2;
/** Newcomers and vanished ones that are compared, others they are set against, and suggestions kept. */
const MOST_CANDIDATES = 100;
const MOST_OTHERS = 200;
const MOST_KEPT = 100;

type Rename = FleetStatus["renames"][number];

/**
 * Remembers which newcomers look like somebody who vanished shortly before; each is in one pair at most. Measured by
 * the feed's clock, so that a rename in an outage is found, too. Compared while a newcomer is one to three days old;
 * what was found then stays, until the model knows the new name or the old one is heard of again.
 *
 *     score = exp(-d) p        d: distance of the fingerprints; p: part of the others farther away than 1.25 d + 0.2
 *
 * A suggestion, for people: levels and spreads are evidence, no proof.
 */
export function recogniseRenames(fleet: Fleet, clock: FeedClock): void {
  for (const [to, { from }] of fleet.renames) if (!holds(fleet, from, to)) fleet.renames.delete(to);
  if (fleet.models.size === 0) return; // no vocabulary, no newcomers
  const arrived = newcomers(fleet, clock);
  if (arrived.length === 0) return;
  const { roster, renames } = fleet;
  const earliest = arrived.reduce((min, slot) => Math.min(min, roster.firstSeenMs[slot]!), Infinity);
  const vanished = vanishedBefore(fleet, clock, earliest);
  const others = sample(roster.slots);
  const pairs = arrived.flatMap((came) =>
    vanished.flatMap((left) => compare(fleet, clock, others, left, came)),
  );
  for (const { from, to, score } of pairs.sort((a, b) => b.score - a.score || (a.to < b.to ? -1 : 1))) {
    if ((renames.get(to)?.score ?? 0) >= score) continue;
    if ([...renames].some(([other, rename]) => other !== to && rename.from === from)) continue;
    if (renames.size < MOST_KEPT || renames.has(to)) renames.set(to, { from, score });
  }
}

/** Suggestions that still mean something, best first. */
export function suggestedRenames(fleet: Fleet): Rename[] {
  return [...fleet.renames]
    .filter(([to, { from }]) => holds(fleet, from, to))
    .map(([to, { from, score }]) => ({ from, to, score }))
    .sort((a, b) => b.score - a.score || (a.to < b.to ? -1 : 1));
}

function holds({ roster }: Fleet, from: string, to: string): boolean {
  const [left, came] = [roster.slots.get(from), roster.slots.get(to)];
  if (left === undefined || came === undefined || roster.known[came] === 1) return false;
  return roster.lastSeenMs[left]! < roster.firstSeenMs[came]!;
}

/** Unknown entities of one to three days, the youngest first. */
function newcomers({ roster, newestMs }: Fleet, clock: FeedClock): number[] {
  const found: number[] = [];
  for (const slot of roster.slots.values()) {
    if (roster.known[slot] === 1 || roster.observations[slot]! < LEAST_OBSERVATIONS) continue;
    const ageMs = clock.between(roster.firstSeenMs[slot]!, newestMs);
    if (ageMs >= WATCHED_MS && ageMs <= DECIDED_MS) found.push(slot);
  }
  return found.sort((a, b) => roster.firstSeenMs[b]! - roster.firstSeenMs[a]!).slice(0, MOST_CANDIDATES);
}

/** Entities not heard of for as long as the youngest newcomer has been watched, the last to go first. */
function vanishedBefore({ roster, newestMs }: Fleet, clock: FeedClock, firstMs: number): number[] {
  const found: number[] = [];
  for (const slot of roster.slots.values()) {
    const last = roster.lastSeenMs[slot]!;
    if (roster.observations[slot]! < LEAST_OBSERVATIONS || clock.between(last, newestMs) < WATCHED_MS)
      continue;
    if (clock.between(last, firstMs) <= WITHIN_MS) found.push(slot);
  }
  return found.sort((a, b) => roster.lastSeenMs[b]! - roster.lastSeenMs[a]!).slice(0, MOST_CANDIDATES);
}

function compare(
  { roster }: Fleet,
  clock: FeedClock,
  others: readonly number[],
  left: number,
  came: number,
): Rename[] {
  const [wentMs, cameMs] = [roster.lastSeenMs[left]!, roster.firstSeenMs[came]!];
  if (cameMs <= wentMs || clock.between(wentMs, cameMs) > WITHIN_MS) return [];
  const print = roster.print(came);
  const apart = distance(print, roster.print(left));
  if (!(apart <= FARTHEST)) return [];
  const rest = others.filter((slot) => slot !== came && slot !== left);
  const farther = rest.filter((slot) => distance(print, roster.print(slot)) > MARGIN * apart + NOISE).length;
  const distinct = rest.length === 0 ? 1 : farther / rest.length;
  if (distinct < LEAST_DISTINCT) return [];
  return [{ from: roster.names[left]!, to: roster.names[came]!, score: Math.exp(-apart) * distinct }];
}

/** Slots spread evenly over the fleet. */
function sample(slots: ReadonlyMap<string, number>): number[] {
  const stride = Math.ceil(slots.size / MOST_OTHERS);
  return [...slots.values()].filter((_, i) => i % stride === 0);
}

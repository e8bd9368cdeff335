import type { FeedClock } from "./feed-clock.ts";
import type { Fleet, FleetOutage, FleetParams } from "./state.ts";

const DAY_MS = 86_400_000;
/** Fewer entities that fall silent together are no outage: two of three may well have been switched off. */
const LEAST_ENTITIES = 5;
/** Observations an entity needs before its usual gap is one. */
const LEAST_OBSERVATIONS = 3;

/**
 * Whether at least `outageShare` of the active entities fell silent within one short interval and nobody came in
 * their place (a fleet redeployed under new names has as many members as before). An entity is silent when it has
 * not been heard of for longer than `limitMs` and than `outageFactor` of its own usual gaps; those silent for a day
 * more were gone before. The interval is as long as the usual gap of those silent, `leastOutageMs` at least.
 *
 * @returns the outage, since the last of them was overdue; null where there is none
 */
export function mostAtOnce(
  fleet: Fleet,
  clock: FeedClock,
  limitMs: number,
  { outageFactor, outageShare, leastOutageMs }: FleetParams,
): FleetOutage | null {
  const { roster, newestMs, believedMs } = fleet;
  const isSilent = (slot: number): boolean | null => {
    const last = roster.lastSeenMs[slot]!;
    if (roster.observations[slot]! < LEAST_OBSERVATIONS || last <= believedMs) return null;
    const silentMs = clock.between(last, newestMs);
    const usualMs = Math.max(limitMs, outageFactor * roster.gapMs[slot]!);
    return silentMs > usualMs + DAY_MS ? null : silentMs > usualMs;
  };
  let silent = 0;
  let heard = 0;
  for (const slot of roster.slots.values()) {
    const answer = isSilent(slot);
    if (answer === true) silent += 1;
    else if (answer === false) heard += 1;
  }
  // Newcomers only raise the bar, so without looking at them most fleets are found to be well.
  if (silent < LEAST_ENTITIES || silent * (1 - outageShare) < outageShare * heard) return null;
  const silentSince = new Float64Array(silent);
  const gaps = new Float64Array(silent);
  const heardFirst = new Float64Array(heard);
  for (const slot of roster.slots.values()) {
    const answer = isSilent(slot);
    if (answer === true) {
      silent -= 1;
      silentSince[silent] = roster.lastSeenMs[slot]!;
      gaps[silent] = roster.gapMs[slot]!;
    } else if (answer === false) {
      heard -= 1;
      heardFirst[heard] = roster.firstSeenMs[slot]!;
    }
  }
  const usual = gaps.sort()[gaps.length >> 1]!;
  const withinMs = Math.max(leastOutageMs, usual);
  return densest(silentSince.sort(), heardFirst.sort(), { withinMs, usual, outageShare });
}

/** The interval in which most fell silent, if they are enough. Both lists ascend. */
function densest(
  silentSince: Float64Array,
  heardFirst: Float64Array,
  { withinMs, usual, outageShare }: { withinMs: number; usual: number; outageShare: number },
): FleetOutage | null {
  let found: FleetOutage | null = null;
  let most = 0;
  let end = 0; // the first that fell silent after the interval
  let older = 0; // entities heard of now that were there before the interval
  for (let begin = 0; begin < silentSince.length; begin += 1) {
    const fromMs = silentSince[begin]!;
    while (end < silentSince.length && silentSince[end]! <= fromMs + withinMs) end += 1;
    while (older < heardFirst.length && heardFirst[older]! < fromMs) older += 1;
    const gone = end - begin;
    const before = older + (silentSince.length - begin);
    const replaced = heardFirst.length - older;
    if (gone < LEAST_ENTITIES || gone - replaced < outageShare * before || gone <= most) continue;
    most = gone;
    const untilMs = silentSince[end - 1]!;
    found = { sinceMs: untilMs + usual, fromMs, untilMs, before };
  }
  return found;
}

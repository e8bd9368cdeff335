import type { ENTITY_STATES } from "../../shared/contracts/fleet-monitor.ts";
import type { Observation, Prediction } from "../../shared/contracts/telemetry.ts";
import type { FeedClock } from "./feed-clock.ts";
import { imprint } from "./fingerprint.ts";
import { PRINT_METRICS } from "./fleet-level.ts";
import { advance, feedClock } from "./outage.ts";
import type { Excused, Fleet, FleetParams } from "./state.ts";

const DAY_MS = 86_400_000;

/** Silence after which an entity is offline, a candidate for removal, and taken out of the fleet. (C-FLT-3) */
export const OFFLINE_MS = DAY_MS;
export const CANDIDATE_MS = 7 * DAY_MS;
export const SUNSET_MS = 30 * DAY_MS;
/** Silence after which an entity is forgotten, once no model knows it any more or has forecast it for 30 days. */
export const FORGET_MS = 60 * DAY_MS;

const MOST_OBSERVATIONS = 65_535;

/**
 * Takes an observation in. Times may come in any order and again: the earliest and the latest count. The newest one
 * of the series moves its event time on, which is where outages are noticed (see `advance`).
 *
 * @param sequence of the message: entities whose shard was saved later know of it already
 * @param excused called only when the fleet is looked over
 */
export function seen(
  fleet: Fleet,
  { ts, entity, values }: Observation,
  sequence: number,
  params: FleetParams,
  excused: () => Excused = () => [],
): void {
  const at = Date.parse(ts);
  if (at > fleet.newestMs) advance(fleet, at, params, excused);
  if (entity === undefined) return;
  if (fleet.roster.size >= params.mostEntities && !fleet.roster.slots.has(entity)) {
    fleet.turnedAway += 1;
    return;
  }
  if (fleet.metrics.length < PRINT_METRICS) learnMetrics(fleet, values);
  const { roster } = fleet;
  const standing = fleet.level.standing(fleet.metrics, values);
  fleet.dirty.add(0);
  let slot = roster.slots.get(entity);
  if (slot === undefined) {
    const joining = {
      firstSeenMs: at,
      lastSeenMs: at,
      known: false,
      predictedMs: -Infinity,
      gapMs: 0,
      observations: 1,
    };
    slot = roster.add(entity, joining, sequence);
  } else {
    if (sequence <= roster.shardSequence[roster.shard[slot]!]!) return;
    const gapMs = at - roster.lastSeenMs[slot]!;
    if (gapMs <= 0) {
      if (at >= roster.firstSeenMs[slot]!) return;
      roster.firstSeenMs[slot] = at;
      fleet.dirty.add(roster.shard[slot]!);
      return;
    }
    roster.lastSeenMs[slot] = at;
    roster.gapMs[slot] = usualGap(roster.gapMs[slot]!, gapMs);
    roster.observations[slot] = Math.min(MOST_OBSERVATIONS, roster.observations[slot]! + 1);
  }
  fleet.dirty.add(roster.shard[slot]!);
  imprint(roster.print(slot), standing, roster.observations[slot]!, roster.gapMs[slot]!);
}

/**
 * Takes a champion's prediction in: it counts towards the unknown rates (C-FLT-2), and what the newest one says of
 * its entity is what the model knows (C-FLT-4). A challenger is not what is served, so it says nothing.
 */
export function predicted(
  fleet: Fleet,
  forecaster: string,
  { issued_at, entity, known_entity, variant, model_version }: Prediction,
  sequence: number,
): void {
  if (variant === "challenger") return;
  const at = Date.parse(issued_at);
  fleet.byTime.add(at, { all: 1, unknown: known_entity ? 0 : 1 });
  fleet.byCount.add(!known_entity);
  fleet.dirty.add(0);
  const model = fleet.models.get(forecaster);
  if (model === undefined || (at >= model.lastMs && model.version !== model_version))
    fleet.models.set(forecaster, { version: model_version, sinceMs: at, lastMs: at });
  else if (at > model.lastMs) fleet.models.set(forecaster, { ...model, lastMs: at });
  const { roster } = fleet;
  const slot = entity === undefined ? undefined : roster.slots.get(entity);
  if (slot === undefined || at < roster.predictedMs[slot]!) return;
  const shard = roster.shard[slot]!;
  if (sequence <= roster.shardSequence[shard]!) return;
  roster.known[slot] = known_entity ? 1 : 0;
  roster.predictedMs[slot] = at;
  fleet.dirty.add(shard);
}

export type EntityState = (typeof ENTITY_STATES)[number];

/**
 * State of an entity that was silent for so long (C-FLT-3). Silence goes before `new`, so that a new server which went
 * away is not retrained for.
 */
export function stateOf(silentMs: number, known: boolean): EntityState {
  if (silentMs >= SUNSET_MS) return "sunset";
  if (silentMs >= CANDIDATE_MS) return "sunset-candidate";
  if (silentMs >= OFFLINE_MS) return "offline";
  return known ? "active" : "new";
}

/**
 * Takes out of the vocabulary what was sunset before the present models came and was not predicted by them: it was
 * not in their training data (C-DAT-1). Lets go of entities that are silent for 60 days and that no model has known
 * for 30.
 */
export function sweep(fleet: Fleet, excused: Excused): void {
  const { roster, newestMs } = fleet;
  const clock = feedClock(fleet, excused);
  const since = modelSince(fleet);
  for (const slot of roster.slots.values()) {
    const last = roster.lastSeenMs[slot]!;
    if (newestMs - last < SUNSET_MS) continue;
    if (roster.known[slot] === 1 && isForgotten(fleet, clock, since, slot)) {
      roster.known[slot] = 0;
      fleet.dirty.add(roster.shard[slot]!);
    }
    if (clock.between(last, newestMs) < FORGET_MS) continue;
    if (roster.known[slot] === 1 && newestMs - roster.predictedMs[slot]! < SUNSET_MS) continue;
    fleet.dirty.add(roster.shard[slot]!);
    roster.remove(slot);
  }
}

/** Whether an entity was sunset when the present models came, and none of them has predicted it. */
export function isForgotten(
  { roster }: Fleet,
  clock: FeedClock,
  modelSinceMs: number,
  slot: number,
): boolean {
  if (roster.predictedMs[slot]! >= modelSinceMs) return false;
  return clock.between(roster.lastSeenMs[slot]!, modelSinceMs) >= SUNSET_MS;
}

/** When the oldest of the models that predict this series was first seen; -Infinity while there is none. */
export function modelSince({ models }: Fleet): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (const { lastMs } of models.values()) newest = Math.max(newest, lastMs);
  let since = Number.POSITIVE_INFINITY;
  for (const model of models.values())
    if (newest - model.lastMs < SUNSET_MS) since = Math.min(since, model.sinceMs);
  return since === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : since;
}

/** An eighth of the new gap, which counts at most fourfold: an absence is no habit. */
function usualGap(usual: number, gapMs: number): number {
  return usual === 0 ? gapMs : Math.round(usual + (Math.min(gapMs, 4 * usual) - usual) / 8);
}

function learnMetrics({ metrics, dirty }: Fleet, values: Observation["values"]): void {
  for (const metric in values) {
    if (metrics.length === PRINT_METRICS || metrics.includes(metric)) continue;
    metrics.push(metric);
    dirty.add(0);
  }
}

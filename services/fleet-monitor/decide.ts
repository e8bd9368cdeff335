import type { ENTITY_STATES, FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import type { Observation, Prediction } from "../../shared/contracts/telemetry.ts";
import { entityBytes, type Fleet, type Member, SHARD_BYTES } from "./state.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Silence after which an entity is offline, a candidate for removal, and taken out of the fleet. (C-FLT-3) */
export const OFFLINE_MS = DAY_MS;
export const CANDIDATE_MS = 7 * DAY_MS;
export const SUNSET_MS = 30 * DAY_MS;
/** Silence after which an entity is forgotten, once no model knows it any more or has forecast it for 30 days. */
export const FORGET_MS = 60 * DAY_MS;

/** Most entities a status names; the counts are always of all. */
export const MOST_NAMED = 1_000;

/** Takes an observation in. Order and repeats do not matter: the earliest and the latest time count. */
export function seen(fleet: Fleet, { ts, entity }: Observation): void {
  const at = Date.parse(ts);
  fleet.newestMs = Math.max(fleet.newestMs, at);
  if (entity === undefined) {
    fleet.dirty.add(0);
    return;
  }
  const member = fleet.members.get(entity);
  if (member === undefined) {
    add(fleet, entity, { firstSeenMs: at, lastSeenMs: at, known: false, predictedMs: -Infinity });
    return;
  }
  if (at >= member.firstSeenMs && at <= member.lastSeenMs) return;
  member.firstSeenMs = Math.min(member.firstSeenMs, at);
  member.lastSeenMs = Math.max(member.lastSeenMs, at);
  fleet.dirty.add(member.shard);
}

/**
 * Takes a champion's prediction in: it counts towards the unknown rate, and what the newest one says of its
 * entity is what the model knows (C-FLT-4). A challenger is not what is served, so it says nothing.
 */
export function predicted(
  fleet: Fleet,
  { issued_at, entity, known_entity, variant }: Prediction,
  windowMs: number,
): void {
  if (variant === "challenger") return;
  const at = Date.parse(issued_at);
  const hour = Math.floor(at / HOUR_MS);
  const counts = fleet.hours.get(hour) ?? { all: 0, unknown: 0 };
  fleet.hours.set(hour, { all: counts.all + 1, unknown: counts.unknown + (known_entity ? 0 : 1) });
  fleet.dirty.add(0);
  if (counts.all === 0) forgetHours(fleet, windowMs);
  if (entity === undefined) return;
  const member = fleet.members.get(entity);
  if (member === undefined || at < member.predictedMs) return;
  if (member.known !== known_entity || at > member.predictedMs) fleet.dirty.add(member.shard);
  member.known = known_entity;
  member.predictedMs = at;
}

export type EntityState = (typeof ENTITY_STATES)[number];

/** State of one entity; silence goes before `new`, so that a new server which went away is not retrained for. */
export function stateOf(
  { lastSeenMs, known }: Pick<Member, "lastSeenMs" | "known">,
  newestMs: number,
): EntityState {
  const silentMs = newestMs - lastSeenMs;
  if (silentMs >= SUNSET_MS) return "sunset";
  if (silentMs >= CANDIDATE_MS) return "sunset-candidate";
  if (silentMs >= OFFLINE_MS) return "offline";
  return known ? "active" : "new";
}

/**
 * Figures of one series.
 *
 *     drift        = (new + sunset) / known        C-FLT-1, null while nothing is known
 *     unknown_rate = predictions about unknown entities / predictions, over `windowMs`    C-FLT-2
 *
 * `known` counts entities in the model's vocabulary, sunset ones included: that is what makes a vocabulary
 * stale. `sunset` counts those of them that were silent for 30 days. `seen` leaves them out. Lists name up to
 * MOST_NAMED entities, the longest silent first; `new_total` and `silent_total` count all.
 */
export function statusOf(
  fleet: Fleet,
  windowMs: number,
): FleetStatus & { new_total: number; silent_total: number } {
  const fresh: string[] = [];
  const silent: FleetStatus["silent"] = [];
  let known = 0;
  let sunset = 0;
  let gone = 0;
  for (const [entity, member] of fleet.members) {
    const state = stateOf(member, fleet.newestMs);
    if (member.known) known += 1;
    if (state === "new") fresh.push(entity);
    if (state === "sunset") {
      gone += 1;
      if (member.known) sunset += 1;
    }
    if (state !== "new" && state !== "active")
      silent.push({ entity, state, days: (fleet.newestMs - member.lastSeenMs) / DAY_MS });
  }
  silent.sort((a, b) => b.days - a.days || (a.entity < b.entity ? -1 : 1));
  return {
    series: fleet.series,
    seen: fleet.members.size - gone,
    new: fresh.slice(0, MOST_NAMED).toSorted(),
    silent: silent.slice(0, MOST_NAMED),
    drift: known === 0 ? null : (fresh.length + sunset) / known,
    unknown_rate: unknownRate(fleet, windowMs),
    new_total: fresh.length,
    silent_total: silent.length,
  };
}

/** Lets go of entities that are silent for 60 days and that no model has known for 30. */
export function forget(fleet: Fleet): void {
  for (const [entity, { lastSeenMs, known, predictedMs, shard }] of fleet.members) {
    if (fleet.newestMs - lastSeenMs < FORGET_MS) continue;
    if (known && fleet.newestMs - predictedMs < SUNSET_MS) continue;
    fleet.members.delete(entity);
    fleet.shardBytes[shard]! -= entityBytes(entity);
    fleet.dirty.add(shard);
  }
}

function unknownRate({ hours }: Fleet, windowMs: number): number | null {
  const from = firstHour(hours, windowMs);
  let all = 0;
  let unknown = 0;
  for (const [hour, counts] of hours) {
    if (hour < from) continue;
    all += counts.all;
    unknown += counts.unknown;
  }
  return all === 0 ? null : unknown / all;
}

/** The window in whole hours, ending with the hour of the newest prediction. */
function firstHour(hours: Fleet["hours"], windowMs: number): number {
  let newest = -Infinity;
  for (const hour of hours.keys()) newest = Math.max(newest, hour);
  return newest - Math.max(1, Math.round(windowMs / HOUR_MS)) + 1;
}

function forgetHours({ hours }: Fleet, windowMs: number): void {
  const from = firstHour(hours, windowMs);
  for (const hour of hours.keys()) if (hour < from) hours.delete(hour);
}

function add(fleet: Fleet, entity: string, member: Omit<Member, "shard">): void {
  const bytes = entityBytes(entity);
  let shard = fleet.shardBytes.findIndex((taken) => taken + bytes <= SHARD_BYTES);
  if (shard < 0) shard = fleet.shardBytes.push(0) - 1;
  fleet.shardBytes[shard]! += bytes;
  fleet.members.set(entity, { ...member, shard });
  fleet.dirty.add(shard);
}

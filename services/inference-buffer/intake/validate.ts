import type { SeriesContract } from "../../../shared/contracts/series.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { TelemetryKind } from "../../../shared/contracts/subjects.ts";
import { type Observation, telemetrySchemas } from "../../../shared/contracts/telemetry.ts";
import { timeMs } from "../../../shared/history/time.ts";
import { isObviously } from "./obvious.ts";
import { SeriesMemory } from "./series-memory.ts";

/** Values of one metric that a spec allows. */
export interface Bound {
  readonly metric: string;
  /** Null: observations without one. Undefined: observations of any. */
  readonly entity: string | null | undefined;
  readonly min: number;
  readonly max: number;
}

/** Bounds by series, from every spec that sets some. */
export type Bounds = ReadonlyMap<string, readonly Bound[]>;

export function boundsOf(specs: readonly ForecasterSpec[]): Bounds {
  const limited = specs.filter(({ bounds }) => bounds.min !== undefined || bounds.max !== undefined);
  return new Map(
    [...Map.groupBy(limited, ({ series }) => series)].map(([series, same]) => [
      series,
      same.map(({ metric, entity = null, entities, bounds: { min = -Infinity, max = Infinity } }) => ({
        metric,
        entity: entities === "all" ? undefined : entity,
        min,
        max,
      })),
    ]),
  );
}

/** A series' contract, ready to be held against observations, with the memory of what looks back. */
export interface SeriesRules {
  readonly contract: SeriesContract;
  readonly entity: RegExp | undefined;
  readonly memory: SeriesMemory;
}

/** Rules by series, for the series that have a contract. */
export type Rules = ReadonlyMap<string, SeriesRules>;

export function seriesRules(contract: SeriesContract): SeriesRules {
  const { pattern } = contract.entities;
  return {
    contract,
    entity: pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`, "u"),
    memory: new SeriesMemory(Object.keys(contract.metrics)),
  };
}

/** A time further than this past the clock is refused. */
export const FUTURE_LIMIT_MS = 86_400_000;

export type Checked =
  | { readonly record: object }
  /** `observation` where it broke the contract of its series alone. */
  | { readonly reason: string; readonly observation?: Observation };

/**
 * Checks one record against its contract, the bounds of the specs, the contract of its series and the clock. A record is taken whole or
 * refused whole. A prediction's target may lie in the future; what it was made from may not.
 *
 * @param nowMs time of the world in milliseconds
 * @returns the record as the contract reads it, or why it is refused: field, value and expectation
 */
export function checkRecord(
  kind: TelemetryKind,
  id: string,
  record: unknown,
  bounds: Bounds,
  nowMs: number,
  rules?: SeriesRules,
): Checked {
  let fields = record as Record<string, unknown>;
  if (!isObviously(kind, record)) {
    const parsed = telemetrySchemas[kind].safeParse(record);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const path = issue?.path.join(".") || "record";
      return {
        reason: `${path} is ${shown(valueAt(record, issue?.path ?? []))}: ${issue?.message ?? "invalid"}`,
      };
    }
    fields = parsed.data;
  }
  const field = kind === "observation" ? "ts" : kind === "health" ? undefined : "issued_at";
  if (field !== undefined) {
    const at = timeMs(fields[field] as string);
    if (!(at <= nowMs + FUTURE_LIMIT_MS))
      return {
        reason: `${field} is ${shown(fields[field])}: expected at most a day after ${new Date(nowMs).toISOString()}`,
      };
  }
  if (kind !== "observation") return { record: fields };
  const observation = fields as Observation;
  const outside = outOfBounds(observation, bounds.get(id));
  if (outside !== undefined) return { reason: outside };
  const reason = rules === undefined ? undefined : violation(observation, rules);
  return reason === undefined ? { record: fields } : { reason, observation };
}

/**
 * Holds an observation that its wire contract has accepted against the contract of its series. Reads the memory
 * and changes nothing: whoever takes the observation in, or refuses it, tells `SeriesMemory`.
 *
 * A jump is a difference of more than `max_step_change` from the entity's value before, in the order of time. A
 * value as near to the one that was refused before it is a new level: it is no jump.
 *
 * @returns what is broken: field, value and expectation; undefined for nothing
 */
export function violation(
  { ts, entity, values }: Observation,
  { contract, entity: pattern, memory }: SeriesRules,
): string | undefined {
  if (entity !== undefined && pattern?.test(entity) === false)
    return `entity is ${shown(entity)}: expected a name that matches ${contract.entities.pattern}`;
  const before = memory.of(entity);
  if (before === undefined && memory.entities >= contract.entities.max)
    return `entity is ${shown(entity)}: expected one of the ${contract.entities.max} that are known, the most its contract allows`;
  const inOrder = before === undefined || timeMs(ts) >= before.newestMs;
  if (!inOrder && contract.monotone_time)
    return `ts is ${shown(ts)}: expected none before ${new Date(before.newestMs).toISOString()}, the newest of its entity`;
  for (const metric in values) {
    const limits = contract.metrics[metric];
    if (limits === undefined) continue;
    const value = values[metric]!;
    const { min = -Infinity, max = Infinity, type, max_step_change: jump } = limits;
    if (value < min || value > max) return `values.${metric} is ${value}: expected ${min} to ${max}`;
    if (type === "integer" && !Number.isInteger(value))
      return `values.${metric} is ${value}: expected a whole number`;
    const last = inOrder ? before?.value(metric) : undefined;
    if (jump === undefined || last === undefined || Math.abs(value - last) <= jump) continue;
    const suspect = before?.suspect(metric);
    if (suspect === undefined || Math.abs(value - suspect) > jump)
      return `values.${metric} is ${value}: expected at most ${jump} from ${last}, the value before`;
  }
  return undefined;
}

/** Whether a bound is about an entity; null for observations without one. */
export function concerns({ entity: bound }: Bound, entity: string | null): boolean {
  return bound === undefined ? entity !== null : bound === entity;
}

function outOfBounds({ entity, values }: Observation, bounds: readonly Bound[] = []): string | undefined {
  for (const bound of bounds) {
    const value = values[bound.metric];
    if (value === undefined || !concerns(bound, entity ?? null)) continue;
    if (value < bound.min || value > bound.max)
      return `values.${bound.metric} is ${value}: expected ${bound.min} to ${bound.max}`;
  }
  return undefined;
}

function valueAt(record: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    record,
  );
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

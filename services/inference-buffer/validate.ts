import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { TelemetryKind } from "../../shared/contracts/subjects.ts";
import { type Observation, telemetrySchemas } from "../../shared/contracts/telemetry.ts";
import { timeMs } from "../../shared/history/time.ts";
import { isObviously } from "./obvious.ts";

/** Values of one metric that a spec allows. `entity` null: observations without one. */
export interface Bound {
  readonly metric: string;
  readonly entity: string | null;
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
      same.map(({ metric, entity = null, bounds: { min = -Infinity, max = Infinity } }) => ({
        metric,
        entity,
        min,
        max,
      })),
    ]),
  );
}

/** A time further than this past the clock is refused. */
export const FUTURE_LIMIT_MS = 86_400_000;

export type Checked = { readonly record: object } | { readonly reason: string };

/**
 * Checks one record against its contract, the bounds of the specs and the clock. A record is taken whole or
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
  const reason = kind === "observation" ? outOfBounds(fields as Observation, bounds.get(id)) : undefined;
  return reason === undefined ? { record: fields } : { reason };
}

function outOfBounds({ entity, values }: Observation, bounds: readonly Bound[] = []): string | undefined {
  for (const bound of bounds) {
    const value = values[bound.metric];
    if (value === undefined || bound.entity !== (entity ?? null)) continue;
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

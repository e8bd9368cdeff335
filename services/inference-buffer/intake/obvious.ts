import type { TelemetryKind } from "../../../shared/contracts/subjects.ts";
import { VALUE_LIMIT } from "../../../shared/contracts/telemetry.ts";

/** The usual form of a time; a 29th to 31st is left to the contract, which knows the months. */
const TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
const NAME = /^[^\u0000-\u001f\u007f]{1,200}$/;
const MOST_NAMES = 100_000;

let lastTime = "";
const names = new Set<string>();

/**
 * Whether a record is beyond doubt what its contract asks for, at a tenth of the contract's cost. False means
 * "ask the contract": it accepts a part of what the contract accepts and nothing else, which a property test
 * holds. Observations and predictions alone, since they are what comes in numbers.
 */
export function isObviously(kind: TelemetryKind, record: unknown): boolean {
  if (typeof record !== "object" || record === null || Array.isArray(record)) return false;
  if (kind === "observation") return isObservation(record as Record<string, unknown>);
  return kind === "prediction" && isPrediction(record as Record<string, unknown>);
}

function isObservation({ ts, entity, values }: Record<string, unknown>): boolean {
  if (!isTime(ts) || !isName(entity)) return false;
  if (typeof values !== "object" || values === null || Array.isArray(values)) return false;
  let metrics = 0;
  for (const metric in values) {
    if (metric === "" || !isValue((values as Record<string, unknown>)[metric])) return false;
    metrics += 1;
  }
  return metrics > 0;
}

function isValue(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= VALUE_LIMIT;
}

function isPrediction(record: Record<string, unknown>): boolean {
  const { step, latency_ms, variant } = record;
  return (
    isTime(record.issued_at) &&
    isTime(record.target_ts) &&
    isName(record.entity) &&
    Number.isSafeInteger(step) &&
    (step as number) > 0 &&
    Number.isFinite(record.mean) &&
    Number.isFinite(record.lower) &&
    Number.isFinite(record.upper) &&
    typeof record.known_entity === "boolean" &&
    typeof record.model_version === "string" &&
    (variant === undefined || variant === "champion" || variant === "challenger") &&
    Number.isFinite(latency_ms) &&
    (latency_ms as number) >= 0 &&
    areQuantiles(record.quantiles)
  );
}

function areQuantiles(quantiles: unknown): boolean {
  if (quantiles === undefined) return true;
  if (typeof quantiles !== "object" || quantiles === null || Array.isArray(quantiles)) return false;
  for (const level in quantiles)
    if (!Number.isFinite((quantiles as Record<string, unknown>)[level])) return false;
  return true;
}

function isTime(value: unknown): boolean {
  if (value === lastTime) return true;
  if (typeof value !== "string" || !TIME.test(value)) return false;
  lastTime = value;
  return true;
}

function isName(value: unknown): boolean {
  if (value === undefined || names.has(value as string)) return true;
  if (typeof value !== "string" || !NAME.test(value)) return false;
  if (names.size >= MOST_NAMES) names.clear();
  names.add(value);
  return true;
}

import type { TelemetryKind } from "../contracts/subjects.ts";

/** What a column holds: text and json go through a dictionary, times arrive as ISO-8601 or milliseconds. */
export type ColumnType = "text" | "json" | "time" | "number" | "count" | "flag";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Field of the record it is read from; absent: the same name, or none for what the writer fills in. */
  readonly field?: string;
  /** The wire says null where there is none; elsewhere the field is left out. */
  readonly nullable?: true;
}

export const SQL_TYPES: Record<ColumnType, string> = {
  text: "VARCHAR",
  json: "VARCHAR",
  time: "TIMESTAMP",
  number: "DOUBLE",
  count: "UBIGINT",
  flag: "BOOLEAN",
};

/** Columns every row has. */
export const COMMON: readonly Column[] = [
  { name: "seq", type: "count" },
  { name: "idx", type: "count" },
  { name: "arrived", type: "time" },
  { name: "id", type: "text" },
  { name: "extra", type: "json" },
];

/**
 * Columns of each kind, named as the wire names them. An observation is one row for each of its metrics
 * (`metric`, `value`); every other record is one row. `problem` is the `error` of a health record: a score's
 * `error` is a number.
 */
export const KIND_COLUMNS: Record<TelemetryKind, readonly Column[]> = {
  observation: [
    { name: "ts", type: "time" },
    { name: "entity", type: "text" },
    { name: "metric", type: "text" },
    { name: "value", type: "number" },
  ],
  prediction: [
    { name: "issued_at", type: "time" },
    { name: "target_ts", type: "time" },
    { name: "step", type: "count" },
    { name: "entity", type: "text" },
    { name: "mean", type: "number" },
    { name: "lower", type: "number" },
    { name: "upper", type: "number" },
    { name: "quantiles", type: "json" },
    { name: "known_entity", type: "flag" },
    { name: "model_version", type: "text" },
    { name: "variant", type: "text" },
    { name: "latency_ms", type: "number" },
  ],
  score: [
    { name: "issued_at", type: "time" },
    { name: "target_ts", type: "time" },
    { name: "step", type: "count" },
    { name: "entity", type: "text" },
    { name: "error", type: "number" },
    { name: "abs_pct_error", type: "number", nullable: true },
    { name: "in_interval", type: "flag" },
    { name: "model_version", type: "text" },
    { name: "variant", type: "text" },
    { name: "naive_error", type: "number" },
    { name: "mean", type: "number" },
    { name: "actual", type: "number" },
    { name: "pinball", type: "number" },
    { name: "in_incident", type: "flag" },
  ],
  health: [
    { name: "instance", type: "text" },
    { name: "status", type: "text" },
    { name: "live_revision", type: "count" },
    { name: "model_version", type: "text", nullable: true },
    { name: "rss_mb", type: "number" },
    { name: "latency_ms_p50", type: "number", nullable: true },
    { name: "failures", type: "count" },
    { name: "loaded_at", type: "time", nullable: true },
    { name: "problem", type: "text", field: "error" },
  ],
};

/**
 * The one schema of every file: `kind`, `stream` (creation time of the stream that `seq` counts in), the common
 * columns, then each kind's, null where a kind has none.
 */
export const HISTORY_COLUMNS: readonly { name: string; sql: string }[] = (() => {
  const all = new Map<string, string>([
    ["kind", "VARCHAR"],
    ["stream", "VARCHAR"],
  ]);
  for (const { name, type } of [...COMMON, ...Object.values(KIND_COLUMNS).flat()])
    all.set(name, SQL_TYPES[type]);
  return [...all].map(([name, sql]) => ({ name, sql }));
})();

/** Counts up with every change of the columns: files of one version can be read without comparing them. */
export const SCHEMA_VERSION = 2;

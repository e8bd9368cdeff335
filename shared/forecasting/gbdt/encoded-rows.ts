import { pickRows, type Table } from "../tabular/table.ts";
import { encode, fitTargetEncoder, statisticRows, type TargetEncoder } from "../tabular/target-encoder.ts";
import { ENTITY, type ForecasterLayout } from "./forecaster.ts";
import type { TreeModel } from "./model-files.ts";
import type { TrainingRows } from "./training-rows.ts";

/** Rows as trees are fitted to them. */
export interface EncodedRows {
  readonly table: Table;
  readonly labels: Float64Array;
  readonly targetTimes: Float64Array;
  readonly cutoffTimes: Float64Array;
  /** of the entities; none where series have none */
  readonly encoders: readonly TargetEncoder[];
}

/** Labels in scales, and the entity as the last column. Rows that its statistic is taken from are left out. */
export function encodedRows(
  rows: TrainingRows,
  layout: ForecasterLayout,
  parent: TreeModel | null,
): EncodedRows {
  const labels = rows.errors[layout.reference].map(
    (error, row) => error / layout.step_scales[rows.steps[row]! - 1]!,
  );
  const { targetTimes, cutoffTimes, table } = rows;
  if (!layout.entities) return { table, labels, targetTimes, cutoffTimes, encoders: [] };
  const statistic = statisticRows(rows.entities, targetTimes);
  const encoder = fitTargetEncoder(ENTITY, rows.entities, labels, statistic, parent?.encoders[0] ?? null);
  const known = new Set(parent?.encoders[0]?.vocabulary);
  // A parent's entities keep their values, which no row of now has gone into.
  const kept = Int32Array.from(statistic.keys()).filter(
    (row) => statistic[row] === 0 || known.has(rows.entities[row]!),
  );
  const numeric = pickRows(table, kept);
  const entity = encode(
    encoder,
    Array.from(kept, (row) => rows.entities[row]!),
  );
  return {
    table: { names: [...numeric.names, ENTITY], columns: [...numeric.columns, entity], rows: kept.length },
    labels: pick(labels, kept),
    targetTimes: pick(targetTimes, kept),
    cutoffTimes: pick(cutoffTimes, kept),
    encoders: [encoder],
  };
}

export function pick(values: Float64Array, rows: Int32Array): Float64Array {
  return Float64Array.from(rows, (row) => values[row]!);
}

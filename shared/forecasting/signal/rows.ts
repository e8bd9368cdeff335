import { InvalidInputError } from "../../errors.ts";
import type { StepGrid } from "../quantile-forecast.ts";
import { pickRows, sliceRows, type Table, tableOf } from "../tabular/table.ts";
import { type MarketHistory, signalCalendar, signalFeatureNames, signalFeatures } from "./features.ts";

/** What a signal is learnt from: one row for each bar whose future is known. */
export interface SignalRows {
  readonly table: Table;
  /** [rows]: 1 where the close rose over the horizon, 0 where it fell */
  readonly labels: Float64Array;
  /** [rows]: bar of each row */
  readonly bars: Int32Array;
  /** [rows]: time of the bar, ms since the epoch */
  readonly times: Float64Array;
  /** [rows]: time at which the label is known */
  readonly knownAt: Float64Array;
}

/**
 * Rows of bars `from` … `to` − 1: features from each bar and those before it, and as label whether the close is higher
 * `horizon` bars later. Bars without a close, then or later, and those whose close is the same then have no row; nor has
 * a bar whose label lies at or after `to`.
 *
 * @param times [bars] ms since the epoch
 * @throws {InvalidInputError} where no bar has a row
 */
export function signalRows(
  history: MarketHistory,
  times: Float64Array,
  grid: StepGrid,
  horizon: number,
  { from, to }: { readonly from: number; readonly to: number },
): SignalRows {
  const { close } = history;
  const bars: number[] = [];
  for (let t = from; t + horizon < to; t += 1) {
    const move = close[t + horizon]! - close[t]!;
    if (!Number.isNaN(move) && move !== 0) bars.push(t);
  }
  if (bars.length === 0)
    throw new InvalidInputError(
      `signal: no bar of ${from} … ${to - 1} has a close ${horizon} bars later that differs`,
    );
  const calendar = signalCalendar(grid, close.length);
  const names = signalFeatureNames(history, calendar);
  const columns = names.map(() => new Float32Array(bars.length));
  bars.forEach((t, row) => {
    signalFeatures(history, t, times[t]!, calendar).forEach((value, f) => {
      columns[f]![row] = value;
    });
  });
  return {
    table: tableOf(Object.fromEntries(names.map((name, f) => [name, columns[f]!]))),
    labels: Float64Array.from(bars, (t) => Number(close[t + horizon]! > close[t]!)),
    bars: Int32Array.from(bars),
    times: Float64Array.from(bars, (t) => times[t]!),
    knownAt: Float64Array.from(bars, (t) => times[t + horizon]!),
  };
}

/** Rows `from` … `to` − 1. */
export function sliceSignalRows(rows: SignalRows, from: number, to: number): SignalRows {
  return {
    table: sliceRows(rows.table, from, to),
    labels: rows.labels.subarray(from, to),
    bars: rows.bars.subarray(from, to),
    times: rows.times.subarray(from, to),
    knownAt: rows.knownAt.subarray(from, to),
  };
}

/** The table's columns of these names, in their order. @throws {InvalidInputError} for one that it has not */
export function withColumns({ names, columns, rows }: Table, wanted: readonly string[]): Table {
  return {
    names: wanted,
    columns: wanted.map((name) => {
      const column = columns[names.indexOf(name)];
      if (column === undefined)
        throw new InvalidInputError(
          `signal: there is no feature '${name}', expected one of ${names.join(", ")}`,
        );
      return column;
    }),
    rows,
  };
}

/**
 * Rows to fit to, followed by the last `validationRows`. Rows between them, whose label is known only after the first
 * row of validation, are left out: fitted to, they would tell of its labels.
 *
 * @throws {InvalidInputError} where no row is left to fit to
 */
export function splitForValidation(
  { table, labels, times, knownAt }: SignalRows,
  validationRows: number,
): { readonly table: Table; readonly labels: Float64Array; readonly fitRows: number } {
  const first = table.rows - validationRows;
  let fitRows = Math.max(0, first);
  while (validationRows > 0 && fitRows > 0 && knownAt[fitRows - 1]! > times[first]!) fitRows -= 1;
  if (fitRows === 0)
    throw new InvalidInputError(
      `signal: of ${table.rows} rows none has a label before the ${validationRows} of validation, expected more rows`,
    );
  const kept = Int32Array.from({ length: fitRows + validationRows }, (_, i) =>
    i < fitRows ? i : first + i - fitRows,
  );
  return {
    table: pickRows(table, kept),
    labels: Float64Array.from(kept, (row) => labels[row]!),
    fitRows,
  };
}

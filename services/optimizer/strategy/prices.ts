import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { contextAt, type Points } from "../../../shared/forecasting/context.ts";
import { timesUpTo } from "../../../shared/forecasting/tabular/calendar.ts";
import { doubles } from "../../../shared/history/duckdb.ts";
import { sortedSql } from "../../../shared/history/observations.ts";
import type { HistoryView } from "../../../shared/history/view.ts";
import { type Bars, checkedBars } from "../../../shared/strategy/bars.ts";

export interface Prices {
  readonly bars: Bars;
  /** of each bar, ms since the epoch */
  readonly times: Float64Array;
}

/**
 * A forecaster's prices from the history, on the grid of its steps, from the first to the newest at `toMs`. Values
 * outside the spec's bounds are none. As in contexts, prices are single precision.
 *
 * @throws {InvalidInputError} for a forecaster of a fleet, where nothing was observed, and as `checkedBars`
 */
export async function readPrices(
  history: HistoryView,
  spec: ForecasterSpec,
  { prices }: StrategySpec,
  toMs: number,
): Promise<Prices> {
  if (spec.entities === "all")
    throw new InvalidInputError(
      `forecaster '${spec.forecaster}' is of a fleet: a strategy trades one series, expected a spec with entity`,
    );
  const close = await readMetric(history, spec, spec.metric, toMs);
  const lastMs = close.times.at(-1);
  if (lastMs === undefined)
    throw new InvalidInputError(
      `history '${history.folder}' has no price of series '${spec.series}', metric '${spec.metric}'`,
    );
  const length = Math.round((lastMs - close.times[0]!) / durationMs(spec.step)) + 1;
  const column = (points: Points, steps: number) => {
    const values = Float64Array.from(contextAt(points, lastMs, steps, spec));
    // Steps before the first observation of a metric are left out of its context.
    const padded = new Float64Array(steps).fill(Number.NaN);
    padded.set(values, steps - values.length);
    return padded;
  };
  const closes = Float64Array.from(contextAt(close, lastMs, length, spec));
  const named = await Promise.all(
    Object.entries(prices).map(async ([field, metric]) => {
      const points = await readMetric(history, spec, metric, toMs);
      if (points.times.length === 0)
        throw new InvalidInputError(
          `strategy.prices.${field}: history '${history.folder}' has no metric '${metric}' of series '${spec.series}'`,
        );
      return [field, column(points, closes.length)] as const;
    }),
  );
  const bars = checkedBars({ close: closes, ...Object.fromEntries(named) });
  return {
    bars,
    times: timesUpTo(lastMs, closes.length, { stepMs: durationMs(spec.step), calendar: spec.calendar }),
  };
}

async function readMetric(
  history: HistoryView,
  { series, entity, bounds }: ForecasterSpec,
  metric: string,
  toMs: number,
): Promise<Points> {
  const { min = -Infinity, max = Infinity } = bounds;
  const [times, values] = await history.read((relation, connection) => {
    const sql = sortedSql(relation, {
      series,
      metric,
      entity: entity ?? null,
      ...(Number.isFinite(toMs) ? { toMs } : {}),
    });
    return doubles(connection, `SELECT epoch_ms(ts)::DOUBLE, value::DOUBLE FROM (${sql}) ORDER BY ts`);
  });
  const kept = [...times!.keys()].filter((i) => values![i]! >= min && values![i]! <= max);
  return { times: kept.map((i) => times![i]!), values: kept.map((i) => values![i]!) };
}

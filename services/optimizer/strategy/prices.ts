import type { Bus } from "../../../shared/bus/bus.ts";
import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { contextAt, type Points } from "../../../shared/forecasting/context.ts";
import { timesUpTo } from "../../../shared/forecasting/tabular/calendar.ts";
import { doubles } from "../../../shared/history/duckdb.ts";
import { sortedSql } from "../../../shared/history/observations.ts";
import type { HistoryView } from "../../../shared/history/view.ts";
import type { WindowCache } from "../../../shared/history/window-cache.ts";
import { type Bars, checkedBars } from "../../../shared/strategy/bars.ts";
import { daysOfPrices } from "../../../shared/strategy/time.ts";
import { requestWindow } from "../dataset.ts";

/** That the inference buffer gives at once. */
const MOST_DAYS = 36_500;

export interface Prices {
  readonly bars: Bars;
  /** of each bar, ms since the epoch */
  readonly times: Float64Array;
}

/** Where prices are read from. */
export interface PriceSource {
  /** for errors */
  readonly name: string;
  /** Observations of one metric of a forecaster's series. */
  readonly read: (metric: string) => Promise<Points>;
}

/**
 * A forecaster's prices, on the grid of its steps, from the first to the newest. Values outside the spec's bounds are
 * none. As in contexts, prices are single precision.
 *
 * @throws {InvalidInputError} for a forecaster of a fleet, where nothing was observed, and as `checkedBars`
 */
export async function readPrices(
  source: PriceSource,
  spec: ForecasterSpec,
  { prices }: Pick<StrategySpec, "prices">,
): Promise<Prices> {
  if (spec.entities === "all")
    throw new InvalidInputError(
      `forecaster '${spec.forecaster}' is of a fleet: a strategy trades one series, expected a spec with entity`,
    );
  const close = inBounds(await source.read(spec.metric), spec);
  const lastMs = close.times.at(-1);
  if (lastMs === undefined)
    throw new InvalidInputError(
      `${source.name} has no price of series '${spec.series}', metric '${spec.metric}'`,
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
      const points = inBounds(await source.read(metric), spec);
      if (points.times.length === 0)
        throw new InvalidInputError(
          `strategy.prices.${field}: ${source.name} has no metric '${metric}' of series '${spec.series}'`,
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

/** Prices of the history on disk, up to `toMs`. */
export function historyPrices(
  history: HistoryView,
  { series, entity }: ForecasterSpec,
  toMs: number,
): PriceSource {
  const read = (metric: string) =>
    history.read(async (relation, connection): Promise<Points> => {
      const sql = sortedSql(relation, {
        series,
        metric,
        entity: entity ?? null,
        ...(Number.isFinite(toMs) ? { toMs } : {}),
      });
      const [times, values] = await doubles(
        connection,
        `SELECT epoch_ms(ts)::DOUBLE, value::DOUBLE FROM (${sql}) ORDER BY ts`,
      );
      return { times: [...times!], values: [...values!] };
    });
  return { name: `history '${history.folder}'`, read };
}

/** Prices that the inference-buffer gives: as many as the strategy's history, and what a model learns from before it. */
export function bufferPrices(
  { bus, windows }: { readonly bus: Bus; readonly windows: WindowCache },
  spec: ForecasterSpec,
): PriceSource {
  const { series, entity } = spec;
  const days = Math.min(MOST_DAYS, daysOfPrices(spec));
  const read = async (metric: string): Promise<Points> => {
    const window = await requestWindow(bus, { series, metric, entity: entity ?? null, days });
    const { times, values } = await windows.get(window.artifact);
    return { times: [...times], values: [...values] };
  };
  return { name: "the inference buffer", read };
}

function inBounds({ times, values }: Points, { bounds }: ForecasterSpec): Points {
  const { min = -Infinity, max = Infinity } = bounds;
  const kept = [...values.keys()].filter((i) => values[i]! >= min && values[i]! <= max);
  return { times: kept.map((i) => times[i]!), values: kept.map((i) => values[i]!) };
}

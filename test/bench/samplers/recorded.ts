import { fileURLToPath } from "node:url";
import { readRates } from "../../../services/console/demo/rates.ts";
import type { Hyperparameters } from "../../../shared/contracts/live-config.ts";
import { backtest, oneSeries } from "../../../shared/forecasting/backtest.ts";
import { openFamily } from "../../../shared/forecasting/families.ts";
import { QuantileCache } from "../../../shared/forecasting/quantile-cache.ts";
import { allPoints, defineSpace, type Point, pointKey } from "../../../shared/search/space.ts";

const MODEL = fileURLToPath(new URL("../../../models/tiny-bolt/model.onnx", import.meta.url));
const HORIZON = 5;
/** Steps between cutoffs. */
const STEP = 2;
/** Windows to search on, and as many later ones to see what the choice was worth. */
const WINDOWS = 40;
/** The longest context, and the windows' targets, lie between the ends of two neighbouring studies' data or before. */
const FIRST_END = 512 + 2 * WINDOWS * STEP + HORIZON;
const BETWEEN = 220;

/** What a search for the shipped model may vary, as far as its loss depends on it: 32 · 16 points. */
export const RECORDED_SPACE = defineSpace([
  { name: "context_length", kind: "integer", min: 16, max: 512, step: 16 },
  { name: "temperature", kind: "float", min: 0.5, max: 2, step: 0.1 },
]);
/** Draws of a forecast: they do not move its quantiles, which the loss looks at. */
const NUM_SAMPLES = 25;

type RecordedPoint = Pick<Hyperparameters, "context_length" | "temperature">;

/** Losses of every point of the space in one stretch of the rates. */
export interface RecordedStudy {
  /** mean 2 · pinball loss by window, in order of time */
  readonly searched: (point: Point) => readonly number[];
  /** likewise, of the windows after those */
  readonly later: (point: Point) => readonly number[];
}

/**
 * Backtests of models/tiny-bolt on the demo's daily EUR/USD rates of the European Central Bank, 5 steps ahead, made
 * anew for every run: for each stretch the losses of all 512 points on all windows.
 */
export async function recordStudies(): Promise<RecordedStudy[]> {
  const rates = Float64Array.from(await readRates(), ({ rate }) => rate);
  const model = await openFamily("chronos-bolt", MODEL);
  try {
    const studies: RecordedStudy[] = [];
    for (let end = FIRST_END; end <= rates.length; end += BETWEEN) {
      const values = rates.subarray(end - FIRST_END, end);
      const cutoffs = Array.from(
        { length: 2 * WINDOWS },
        (_, w) => values.length - HORIZON - 1 - (2 * WINDOWS - 1 - w) * STEP,
      );
      const cache = new QuantileCache();
      const losses = new Map<string, readonly number[]>();
      for (const point of allPoints(RECORDED_SPACE)) {
        const spec = { ...(point as RecordedPoint), num_samples: NUM_SAMPLES, seed: 1 };
        const plan = { cutoffs, horizon: HORIZON };
        const found = await backtest(model, oneSeries(values, 1), plan, spec, { cache, objective: "wql" });
        losses.set(pointKey(point), found.losses as readonly number[]);
      }
      const of = (point: Point) => losses.get(pointKey(point))!;
      studies.push({
        searched: (point) => of(point).slice(0, WINDOWS),
        later: (point) => of(point).slice(WINDOWS),
      });
    }
    return studies;
  } finally {
    await model.release();
  }
}

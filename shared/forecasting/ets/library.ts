import { readFileSync } from "node:fs";
import { AutoETS, initSync as initEts } from "@bsull/augurs/ets";
import { initSync as initMstl, MSTL } from "@bsull/augurs/mstl";
import { normalQuantile } from "../normal.ts";

/** Means and standard deviations of a forecast, [horizon] each. */
export interface Spreads {
  readonly means: Float64Array;
  readonly sds: Float64Array;
}

/** Any would do: the intervals of all levels come from the same standard deviations. */
const LEVEL = 0.8;

interface Model {
  fit(values: Float64Array): void;
  predict(
    horizon: number,
    level: number,
  ): { point: number[]; intervals: { lower: number[]; upper: number[] } | undefined };
  free(): void;
}

let initialised = false;

/** From the package's own files: the default would fetch them. */
function initialise(): void {
  if (initialised) return;
  const wasm = (part: string) =>
    readFileSync(new URL(`./${part}_bg.wasm`, import.meta.resolve(`@bsull/augurs/${part}`)));
  initEts({ module: wasm("ets") });
  initMstl({ module: wasm("mstl") });
  initialised = true;
}

/**
 * Exponential smoothing without a season: error and trend, additive or multiplicative and damped or not, that give the
 * least AICc. The fit ends within milliseconds for hundreds of values.
 *
 * @returns undefined when no model fits or the best one forecasts something that is not finite
 */
export function fitAutoEts(values: Float64Array, horizon: number): Spreads | undefined {
  initialise();
  return spreads(() => new AutoETS(1, "ZZN") as Model, values, horizon);
}

/**
 * As `fitAutoEts`, for what STL leaves when it takes a season out, which goes on as it was last.
 *
 * @param values at least two seasons
 */
export function fitMstl(values: Float64Array, horizon: number, seasonLength: number): Spreads | undefined {
  initialise();
  return spreads(() => MSTL.ets([seasonLength]) as Model, values, horizon);
}

function spreads(make: () => Model, values: Float64Array, horizon: number): Spreads | undefined {
  const model = make();
  try {
    model.fit(values);
    const { point, intervals } = model.predict(horizon, LEVEL);
    if (intervals === undefined) return undefined;
    const score = normalQuantile((1 + LEVEL) / 2);
    const sds = Float64Array.from(intervals.upper, (upper, h) => (upper - intervals.lower[h]!) / (2 * score));
    const sane = point.every(Number.isFinite) && sds.every((sd) => sd >= 0 && sd < Infinity);
    return sane ? { means: Float64Array.from(point), sds } : undefined;
  } catch (error) {
    // A trap leaves the library's memory in disorder: whatever it says next is worth nothing.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    return undefined;
  } finally {
    model.free();
  }
}

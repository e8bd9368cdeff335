import type { WindowSums } from "../contracts/optimizer.ts";
import { naiveScale } from "../statistics/errors.ts";
import type { BacktestData, BacktestWindow } from "./backtest-data.ts";
import { isFiniteForecast, type SeriesForecast } from "./quantile-forecast.ts";
import { meanLoss, type Objective, quantileLoss, windowLoss } from "./window-loss.ts";
import { addSums, type Measures, measuresOf, NO_SUMS } from "./window-sums.ts";

/** Over all steps of all windows with an observed target. */
export interface BacktestMeasures extends Measures {
  /** mae / in-sample seasonal naive mae, of a fleet the mean over its series; null where that is 0 */
  readonly mase: number | null;
}

/** Of forecasts that were not finite (A-OPT-2). */
const FAILED = {
  rmse: Infinity,
  mape: Infinity,
  mae: Infinity,
  mase: Infinity,
  wql: Infinity,
  error_std: Infinity,
  mean_error: Infinity,
  coverage: 0,
};

/** Sums what a backtest's forecasts miss their targets by. */
export class BacktestScores {
  private readonly data: BacktestData;
  private readonly objective: Objective;
  private readonly seasonLength: number;
  private readonly losses: (number | null)[][];
  private readonly sums: (WindowSums | null)[];
  private readonly bySeries = new Map<number, WindowSums>();
  private isFinite = true;

  constructor(data: BacktestData, objective: Objective, cutoffs: number) {
    this.data = data;
    this.objective = objective;
    this.seasonLength = data.seasonLength === "auto" ? 1 : data.seasonLength;
    this.losses = Array.from({ length: cutoffs }, () => []);
    this.sums = Array.from({ length: cutoffs }, () => null);
  }

  add(window: BacktestWindow, forecast: SeriesForecast): void {
    const { at, cutoff, series, steps } = window;
    const { values } = this.data.series[series]!;
    const targets = values.subarray(cutoff + 1, cutoff + 1 + steps);
    this.isFinite &&= isFiniteForecast(forecast);
    const past = values.subarray(0, cutoff + 1);
    const scored = { targets, forecast, past, seasonLength: this.seasonLength };
    this.losses[at]!.push(windowLoss(this.objective, scored));
    const sums = windowSums(targets, forecast);
    this.sums[at] = addSums(this.sums[at] ?? NO_SUMS, sums);
    this.bySeries.set(series, addSums(this.bySeries.get(series) ?? NO_SUMS, sums));
  }

  /** Per cutoff, over its series; null where nothing was scored. */
  byCutoff(): { readonly losses: (number | null)[]; readonly sums: (WindowSums | null)[] } {
    return { losses: this.losses.map(meanLoss), sums: this.sums };
  }

  /** @param scaleEnd index of the first step that the MASE's scale does not look at */
  measures(scaleEnd: number): BacktestMeasures {
    const all = [...this.bySeries.values()].reduce(addSums, NO_SUMS);
    if (!this.isFinite) return { ...FAILED, n: all.n };
    const scaled = [...this.bySeries].map(([series, { absolute, n }]) => {
      const history = this.data.series[series]!.values.subarray(0, scaleEnd);
      const scale = naiveScale(history, this.seasonLength);
      return scale > 0 ? absolute / n / scale : null;
    });
    return { ...measuresOf(all), mase: meanLoss(scaled) };
  }
}

function windowSums(targets: Float64Array, forecast: SeriesForecast): WindowSums {
  const sums = { ...NO_SUMS };
  targets.forEach((actual, h) => {
    if (Number.isNaN(actual)) return;
    const error = forecast.mean[h]! - actual;
    sums.n += 1;
    sums.error += error;
    sums.absolute += Math.abs(error);
    sums.squared += error ** 2;
    sums.relative += actual === 0 ? 0 : Math.abs(error / actual);
    sums.relative_n += actual === 0 ? 0 : 1;
    sums.inside += forecast.lower[h]! <= actual && actual <= forecast.upper[h]! ? 1 : 0;
    sums.quantile += quantileLoss(forecast, h, actual);
    sums.actual += Math.abs(actual);
  });
  return sums;
}

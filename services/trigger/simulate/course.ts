import type { Hyperparameters } from "../../../shared/contracts/live-config.ts";
import { addSteps, type ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Score } from "../../../shared/contracts/telemetry.ts";
import { type Points, upperBound } from "../../../shared/forecasting/context.ts";
import type { SeriesForecast } from "../../../shared/forecasting/quantile-forecast.ts";

/** Forecasts whose truth has not arrived, by the time they are about. */
interface Open {
  readonly issuedMs: number;
  readonly step: number;
  readonly mean: number;
  readonly lower: number;
  readonly upper: number;
}

/** One timeline of forecasts: what one policy would have served. */
export class Course {
  private readonly spec: ForecasterSpec;
  private readonly points: Points;
  private readonly truths: ReadonlyMap<number, number>;
  private readonly forecast: (
    issued: readonly number[],
    config: Hyperparameters,
  ) => Promise<(SeriesForecast | undefined)[]>;
  private readonly open = new Map<number, Open[]>();

  constructor(
    spec: ForecasterSpec,
    points: Points,
    truths: ReadonlyMap<number, number>,
    forecast: Course["forecast"],
  ) {
    this.spec = spec;
    this.points = points;
    this.truths = truths;
    this.forecast = forecast;
  }

  /**
   * Goes on from `fromMs` to `toMs`, serving `config`: scores of the truths that arrive after `fromMs` up to `toMs`,
   * in their order. Each observation is forecast from once it is there.
   *
   * @param config null: nothing is served
   */
  async advance(fromMs: number, toMs: number, config: Hyperparameters | null): Promise<Score[]> {
    const { times } = this.points;
    const arrived = times.slice(upperBound(times, fromMs), upperBound(times, toMs));
    if (config !== null) {
      const forecasts = await this.forecast(arrived, config);
      arrived.forEach((issuedMs, i) => {
        const forecast = forecasts[i];
        if (forecast !== undefined) this.await(issuedMs, forecast);
      });
    }
    return arrived.flatMap((targetMs) => this.settle(targetMs));
  }

  private await(issuedMs: number, { mean, lower, upper }: SeriesForecast): void {
    for (let h = 0; h < mean.length; h += 1) {
      const targetMs = addSteps(issuedMs, h + 1, this.spec);
      const waiting = this.open.get(targetMs) ?? [];
      waiting.push({ issuedMs, step: h + 1, mean: mean[h]!, lower: lower[h]!, upper: upper[h]! });
      this.open.set(targetMs, waiting);
    }
  }

  private settle(targetMs: number): Score[] {
    const waiting = this.open.get(targetMs) ?? [];
    this.open.delete(targetMs);
    const actual = this.truths.get(targetMs)!;
    return waiting.map(({ issuedMs, step, mean, lower, upper }) => ({
      issued_at: new Date(issuedMs).toISOString(),
      target_ts: new Date(targetMs).toISOString(),
      step,
      error: mean - actual,
      abs_pct_error: actual === 0 ? null : Math.abs((mean - actual) / actual) * 100,
      in_interval: lower <= actual && actual <= upper,
      model_version: "simulated",
      naive_error: this.truths.get(issuedMs)! - actual,
      mean,
      actual,
    }));
  }
}

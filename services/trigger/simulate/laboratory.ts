import type { Hyperparameters } from "../../../shared/contracts/live-config.ts";
import { type ForecasterSpec, horizonSteps, stepsIn } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import {
  type BacktestPlan,
  type BacktestResult,
  backtest,
  oneSeries,
  planBacktest,
} from "../../../shared/forecasting/backtest.ts";
import { contextAt, type Points } from "../../../shared/forecasting/context.ts";
import { type ForecastModel, openFamily } from "../../../shared/forecasting/families.ts";
import { MIN_OBSERVED } from "../../../shared/forecasting/forecast.ts";
import { QuantileCache } from "../../../shared/forecasting/quantile-cache.ts";
import type { SeriesForecast } from "../../../shared/forecasting/quantile-forecast.ts";
import { planSearch } from "../../../shared/forecasting/search-plan.ts";
import { improvements, isImproved } from "../../../shared/statistics/paired.ts";
import { Course } from "./course.ts";

/** A search on the past and what came of it. */
export interface SearchResult {
  /** what is served from then on: the candidate where it was approved, else the champion */
  readonly served: Hyperparameters | null;
  readonly outcome: "deployed" | "rejected" | "failed";
  readonly reason: string;
  readonly seconds: number;
}

/**
 * Forecasts and searches for one series of the past, with the model and the contexts that live ones have. Nothing
 * later than the time of a forecast or a search is looked at.
 *
 * A candidate is approved where nothing is served yet, or where it is as much better than the champion as A-VAL-1
 * asks; the validator's other criteria, its person and the shadow stage are left out.
 */
export class Laboratory {
  private readonly spec: ForecasterSpec;
  private readonly points: Points;
  private readonly truths: ReadonlyMap<number, number>;
  private readonly model: ForecastModel;
  private readonly cache = new QuantileCache(50_000);

  private constructor(spec: ForecasterSpec, points: Points, model: ForecastModel) {
    this.spec = spec;
    this.points = points;
    this.truths = new Map(points.times.map((time, i) => [time, points.values[i]!]));
    this.model = model;
  }

  /**
   * @param modelPath of the model file, for families that have one
   * @throws {InvalidInputError | ModelMismatchError} as `openFamily`
   */
  static async open(
    spec: ForecasterSpec,
    points: Points,
    modelPath: string | undefined,
  ): Promise<Laboratory> {
    return new Laboratory(spec, points, await openFamily(spec.model.family, modelPath));
  }

  release(): Promise<void> {
    return this.model.release();
  }

  /** A course of forecasts that begins without any. Several may run over one laboratory. */
  course(): Course {
    return new Course(this.spec, this.points, this.truths, (at, config) => this.forecast(at, config));
  }

  /** Searches the spec's space on what was known at `atMs`, as the optimizer does, and judges the winner. */
  async search(atMs: number, champion: Hyperparameters | null): Promise<SearchResult> {
    const startedAt = performance.now();
    const done = (outcome: SearchResult["outcome"], served: Hyperparameters | null, reason: string) => ({
      outcome,
      served,
      reason,
      seconds: (performance.now() - startedAt) / 1000,
    });
    const { search, validation } = this.spec;
    const values = Float64Array.from(
      contextAt(this.points, atMs, stepsIn(search.history, this.spec), this.spec),
    );
    let plan: BacktestPlan;
    try {
      plan = planBacktest(
        values.length,
        horizonSteps(this.spec),
        stepsIn(search.backtest, this.spec),
        search.step_size,
      );
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      return done("failed", champion, error.message);
    }
    const measured: { params: Hyperparameters; result: BacktestResult }[] = [];
    for (const params of planSearch(search))
      measured.push({ params, result: await this.measure(params, values, plan) });
    const best = measured.reduce((a, b) => (b.result.rmse < a.result.rmse ? b : a));
    if (!Number.isFinite(best.result.rmse)) return done("failed", champion, "every trial failed");
    if (champion === null) return done("deployed", best.params, "first deployment");
    const live = await this.measure(champion, values, plan);
    const { rmse, mape } = improvements(live, best.result);
    const better = isImproved({ rmse, mape }, validation);
    const reason = `RMSE ${percent(rmse)}, MAPE ${percent(mape)} better`;
    return better ? done("deployed", best.params, reason) : done("rejected", champion, reason);
  }

  private measure(
    params: Hyperparameters,
    values: Float64Array,
    plan: BacktestPlan,
  ): Promise<BacktestResult> {
    const data = oneSeries(values, this.spec.season_length);
    const { cache } = this;
    return backtest(this.model, data, plan, { ...params, seed: this.spec.search.seed }, { cache });
  }

  /** Forecasts issued at each time, undefined where too little was known. */
  private async forecast(
    issued: readonly number[],
    config: Hyperparameters,
  ): Promise<(SeriesForecast | undefined)[]> {
    const contexts = issued.map((at) => contextAt(this.points, at, config.context_length, this.spec));
    const usable = contexts.map(
      (context) => context.filter((value) => !Number.isNaN(value)).length >= MIN_OBSERVED,
    );
    const forecasts = await this.model.forecast(
      contexts.filter((_, i) => usable[i]),
      {
        ...config,
        horizon: horizonSteps(this.spec),
        season_length: this.spec.season_length,
        seed: this.spec.search.seed,
      },
    );
    let next = 0;
    return usable.map((each) => (each ? forecasts[next++] : undefined));
  }
}

function percent(share: number | null): string {
  return share === null ? "unknown" : `${(100 * share).toFixed(1)} %`;
}

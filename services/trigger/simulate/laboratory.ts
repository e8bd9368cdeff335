import type { Hyperparameters } from "../../../shared/contracts/live-config.ts";
import { type ForecasterSpec, holdoutSteps, horizonSteps, stepsIn } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import {
  type BacktestPlan,
  type BacktestResult,
  backtest,
  oneSeries,
  planBacktest,
} from "../../../shared/forecasting/backtest.ts";
import { contextAt, type Points } from "../../../shared/forecasting/context.ts";
import { type ForecastModel, familyOf, openFamily } from "../../../shared/forecasting/families.ts";
import { MIN_OBSERVED } from "../../../shared/forecasting/forecast.ts";
import { QuantileCache } from "../../../shared/forecasting/quantile-cache.ts";
import type { SeriesForecast } from "../../../shared/forecasting/quantile-forecast.ts";
import { nextGeneration, planSearch } from "../../../shared/forecasting/search-plan.ts";
import { configAt, valuesOf } from "../../../shared/forecasting/search-space.ts";
import type { Observation } from "../../../shared/search/sampler.ts";
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
    if (spec.entities !== undefined)
      throw new InvalidInputError(
        `'${spec.forecaster}' forecasts a fleet, which a simulation cannot retrain; without --retrain it is judged by the forecasts that were served`,
      );
    return new Laboratory(spec, points, await openFamily(spec.model.family, modelPath));
  }

  release(): Promise<void> {
    return this.model.release();
  }

  /** A course of forecasts that begins without any. Several may run over one laboratory. */
  course(): Course {
    return new Course(this.spec, this.points, this.truths, (at, config) => this.forecast(at, config));
  }

  /**
   * Searches the spec's space on what was known at `atMs`, as the optimizer does, and judges the winner on the hold-out,
   * which that has not seen.
   */
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
    const holdout = holdoutSteps(this.spec);
    const searched = values.subarray(0, Math.max(0, values.length - holdout));
    const [horizon, tested] = [horizonSteps(this.spec), stepsIn(search.backtest, this.spec)];
    let plan: BacktestPlan;
    let unseen: BacktestPlan;
    try {
      plan = planBacktest(searched.length, horizon, tested, search.step_size);
      unseen = planBacktest(values.length, horizon, holdout, search.step_size);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      return done("failed", champion, error.message);
    }
    const tried = await this.tryAll(searched, plan, champion);
    const best = tried.reduce((a, b) => (this.loss(b.result) < this.loss(a.result) ? b : a));
    if (!Number.isFinite(this.loss(best.result))) return done("failed", champion, "every trial failed");
    if (champion === null) return done("deployed", best.params, "first deployment");
    const candidate = await this.measure(best.params, values, unseen);
    const live = await this.measure(champion, values, unseen);
    const { rmse, mape } = improvements(live, candidate);
    const better = isImproved({ rmse, mape }, validation);
    const reason = `RMSE ${percent(rmse)}, MAPE ${percent(mape)} better`;
    return better ? done("deployed", best.params, reason) : done("rejected", champion, reason);
  }

  /** Every trial of the spec's search, one generation after another. */
  private async tryAll(
    values: Float64Array,
    plan: BacktestPlan,
    champion: Hyperparameters | null,
  ): Promise<{ params: Hyperparameters; result: BacktestResult }[]> {
    const { model, search } = this.spec;
    const incumbent = champion === null ? undefined : valuesOf({ model: model.family, params: champion });
    const searchPlan = planSearch(search, [await familyOf(model.family)], { incumbent });
    const tried: { params: Hyperparameters; result: BacktestResult }[] = [];
    const history: Observation[] = [];
    for (;;) {
      const points = nextGeneration(searchPlan, history);
      if (points.length === 0) return tried;
      for (const point of points) {
        const { params } = configAt(searchPlan, point);
        const result = await this.measure(params, values, plan);
        tried.push({ params, result });
        history.push({ number: history.length, point, objective: this.loss(result) });
      }
    }
  }

  /** What the spec's search minimises, without the weights of its costs; infinite where it cannot be told. */
  private loss(result: BacktestResult): number {
    return result[this.spec.search.objective] ?? Number.POSITIVE_INFINITY;
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

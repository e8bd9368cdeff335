import type { Bus } from "../../../shared/bus/bus.ts";
import { durationMs } from "../../../shared/contracts/duration.ts";
import type { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { type ForecasterSpec, horizonSteps, stepsIn } from "../../../shared/contracts/spec.ts";
import type { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import type { BacktestRunner } from "../../../shared/forecasting/backtest-pool.ts";
import { familyOf } from "../../../shared/forecasting/families.ts";
import { MIN_OBSERVED } from "../../../shared/forecasting/forecast.ts";
import { probabilityAbove } from "../../../shared/strategy/signal.ts";
import type { Prices } from "./prices.ts";

/** Forecasts between two words of progress. */
const CHUNK = 256;

export interface ForecastPlan {
  /** first bar a forecast is made at */
  readonly from: number;
  /** bars between forecasts */
  readonly every: number;
  /** steps ahead */
  readonly stepAhead: number;
}

/** The live config's model over the past: its file, or how long one like it stays before it is trained anew. */
export interface ModelOverTime {
  readonly live: LiveConfig;
  readonly artifactPath: string | undefined;
  /** bars; undefined for what is not trained */
  readonly retrainEvery: number | undefined;
  readonly codeVersion: string;
}

/**
 * A model file is the same at all times. A trained model has seen the very prices that it would be tried on, so one like
 * it is trained anew every `retrain`, on what lay before.
 *
 * @throws {InvalidInputError} for a live config without the file its family needs
 */
export async function modelOverTime(
  { artifacts }: Pick<Bus, "artifacts">,
  live: LiveConfig,
  spec: ForecasterSpec,
  { retrain }: StrategySpec,
  codeVersion: string,
): Promise<ModelOverTime> {
  const { artifact } = await familyOf(live.model);
  if (artifact === "trained")
    return { live, codeVersion, artifactPath: undefined, retrainEvery: stepsIn(retrain, spec) };
  if (artifact === "file" && live.artifact === null)
    throw new InvalidInputError(
      `the live config of '${live.forecaster}' names no artifact, family '${live.model}' needs one`,
    );
  const artifactPath = live.artifact === null ? undefined : await artifacts.fetch(live.artifact);
  return { live, codeVersion, artifactPath, retrainEvery: undefined };
}

/**
 * Walk-forward forecasts of the live config as probabilities of a rise: at each bar the model sees the closes up to it
 * and no others, and the probability is that of a price above the bar's close `stepAhead` steps later.
 *
 * @returns [bars]; NaN where no forecast was asked for, the bar has no price, or too little was observed, and at the
 *   last bar, after which nothing could be traded
 * @throws {InvalidInputError} for a step beyond the horizon, or where no forecast can be made at all
 */
export async function riseProbabilities(
  runner: BacktestRunner,
  { live, artifactPath, retrainEvery, codeVersion }: ModelOverTime,
  { bars, times }: Prices,
  spec: ForecasterSpec,
  { from, every, stepAhead }: ForecastPlan,
  say: (done: number, total: number) => void,
): Promise<Float64Array> {
  const horizon = horizonSteps(spec);
  if (stepAhead > horizon)
    throw new InvalidInputError(
      `strategy.step_ahead is ${stepAhead}, expected at most ${horizon}, the horizon`,
    );
  const { close } = bars;
  const cutoffs = forecastable(close, live.context_length, from, every);
  if (cutoffs.length === 0) throw new InvalidInputError("too few prices for a single forecast");
  const data = {
    series: [{ entity: spec.entity ?? null, values: close }],
    ...{ times, seasonLength: spec.season_length },
    grid: { stepMs: durationMs(spec.step), calendar: spec.calendar },
  };
  const { context_length, num_samples, temperature, model_params } = live;
  const job = {
    ...{ family: live.model, artifactPath, data },
    spec: { context_length, num_samples, temperature, model_params, seed: spec.search.seed },
  };
  const probability = new Float64Array(close.length).fill(Number.NaN);
  let [done, trainedAt] = [0, cutoffs[0]!];
  while (done < cutoffs.length) {
    if (cutoffs[done]! >= trainedAt + (retrainEvery ?? Infinity)) trainedAt = cutoffs[done]!;
    const until = trainedAt + (retrainEvery ?? Infinity);
    const chunk = cutoffs.slice(done, done + CHUNK).filter((cutoff) => cutoff < until);
    const { levels, quantiles } = await runner.forecast({
      ...job,
      train: retrainEvery === undefined ? undefined : { end: trainedAt + 1, codeVersion },
      plan: { cutoffs: chunk, horizon, step: stepAhead },
    });
    chunk.forEach((cutoff, i) => {
      probability[cutoff] = probabilityAbove(close[cutoff]!, levels, quantiles[i]!);
    });
    done += chunk.length;
    say(done, cutoffs.length);
  }
  return probability;
}

/** Bars that a forecast can be made at. */
function forecastable(close: Float64Array, contextLength: number, from: number, every: number): number[] {
  const cutoffs: number[] = [];
  for (let t = from; t < close.length - 1; t += every) {
    if (Number.isNaN(close[t]!)) continue;
    const context = close.subarray(Math.max(0, t + 1 - contextLength), t + 1);
    const observed = context.reduce((count, each) => (Number.isNaN(each) ? count : count + 1), 0);
    if (observed >= MIN_OBSERVED) cutoffs.push(t);
  }
  return cutoffs;
}

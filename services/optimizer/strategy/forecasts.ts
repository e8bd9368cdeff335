import { durationMs } from "../../../shared/contracts/duration.ts";
import type { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { type ForecasterSpec, horizonSteps } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { MIN_OBSERVED } from "../../../shared/forecasting/forecast.ts";
import { randomKey } from "../../../shared/forecasting/random.ts";
import { probabilityAbove } from "../../../shared/strategy/signal.ts";
import type { ModelsOverTime } from "./models.ts";
import type { Prices } from "./prices.ts";

/** Forecasts in one call of a model. */
const BATCH = 32;

export interface ForecastPlan {
  /** first bar a forecast is made at */
  readonly from: number;
  /** bars between forecasts */
  readonly every: number;
  /** steps ahead */
  readonly stepAhead: number;
}

/**
 * Walk-forward forecasts of the live config as probabilities of a rise: at each bar the model sees the closes up to it
 * and no others, and the probability is that of a price above the bar's close `stepAhead` steps later.
 *
 * @returns [bars]; NaN where no forecast was asked for, the bar has no price, or too little was observed
 * @throws {InvalidInputError} for a step beyond the horizon, or where no forecast can be made at all
 */
export async function riseProbabilities(
  models: ModelsOverTime,
  { bars, times }: Prices,
  live: LiveConfig,
  spec: ForecasterSpec,
  { from, every, stepAhead }: ForecastPlan,
  say: (done: number, total: number) => void,
): Promise<Float64Array> {
  const horizon = horizonSteps(spec);
  if (stepAhead > horizon)
    throw new InvalidInputError(
      `strategy.step_ahead is ${stepAhead}, expected at most ${horizon}, the horizon`,
    );
  const values = Float32Array.from(bars.close);
  const contextAt = (t: number) => values.slice(Math.max(0, t + 1 - live.context_length), t + 1);
  const cutoffs = Array.from(
    { length: Math.ceil((values.length - from) / every) },
    (_, k) => from + k * every,
  ).filter((t) => !Number.isNaN(values[t]!) && observed(contextAt(t)) >= MIN_OBSERVED);
  if (cutoffs.length === 0) throw new InvalidInputError("too few prices for a single forecast");
  const probability = new Float64Array(values.length).fill(Number.NaN);
  const grid = { stepMs: durationMs(spec.step), calendar: spec.calendar };
  for (let done = 0; done < cutoffs.length; ) {
    const model = await models.at(cutoffs[done]!);
    const batch = cutoffs.slice(done, done + BATCH);
    const contexts = batch.map(contextAt);
    const forecasts = await model.forecast(contexts, {
      ...live,
      horizon,
      season_length: spec.season_length,
      series: batch.map((t) => ({ entity: spec.entity ?? null, endMs: times[t]! })),
      grid,
      seed: randomKey(spec.search.seed, batch[0]!),
    });
    batch.forEach((t, i) => {
      const { levels, quantiles } = forecasts[i]!;
      probability[t] = probabilityAbove(values[t]!, levels, quantiles[stepAhead - 1]!);
    });
    done += batch.length;
    say(done, cutoffs.length);
  }
  return probability;
}

function observed(context: Float32Array): number {
  return context.reduce((count, each) => (Number.isNaN(each) ? count : count + 1), 0);
}

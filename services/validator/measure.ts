import { BacktestMetrics, type Candidate } from "../../shared/contracts/optimizer.ts";
import { type ForecasterSpec, horizonSteps, stepsIn } from "../../shared/contracts/spec.ts";
import { RetuneError } from "../../shared/errors.ts";
import { planBacktest } from "../../shared/forecasting/backtest.ts";
import { type BacktestRunner, OutOfMemoryError } from "../../shared/forecasting/backtest-pool.ts";
import type { Measured } from "./state.ts";

/** A config could not be backtested; the message says which and why. (A-VAL-6) */
export class BacktestFailedError extends RetuneError {
  readonly disposition: "retry" | "terminate";

  constructor(message: string, options: { cause?: unknown; disposition: "retry" | "terminate" }) {
    super(message, options);
    this.disposition = options.disposition;
  }
}

/** Memory that ran out once runs out again on the same work. */
function failure(what: string, cause: unknown): BacktestFailedError {
  const lasting =
    cause instanceof OutOfMemoryError || (cause instanceof RetuneError && cause.disposition === "terminate");
  return new BacktestFailedError(what, { cause, disposition: lasting ? "terminate" : "retry" });
}

/** Windows and horizon that both configs are measured on. */
export interface Backtest {
  readonly horizon: number; // steps
  readonly season_length: number | "auto";
  readonly backtest_steps: number;
  readonly step_size: number;
  readonly seed: number;
}

export function backtestOf(spec: ForecasterSpec): Backtest {
  const { step_size, seed, backtest } = spec.search;
  const { season_length } = spec;
  return {
    horizon: horizonSteps(spec),
    season_length,
    backtest_steps: stepsIn(backtest, spec),
    step_size,
    seed,
  };
}

/** A config with its local model file. */
export interface Contender {
  readonly name: "candidate" | "champion";
  readonly config: Candidate;
  readonly artifactPath: string | undefined;
}

/**
 * Backtests the candidate and, where there is one, the champion on the same windows with the same draws, then times
 * one forecast of each, alternately in one run, so that what else the machine does falls on both. (A-VAL-3)
 *
 * @param rounds timed forecasts of each
 * @throws {BacktestFailedError} naming the config that failed
 */
export async function measure(
  runner: BacktestRunner,
  values: Float64Array,
  backtest: Backtest,
  contenders: { readonly candidate: Contender; readonly champion: Contender | null },
  rounds: number,
): Promise<{ candidate: Measured; champion: Measured | null }> {
  const { candidate, champion } = contenders;
  const candidateMetrics = await evaluate(runner, values, backtest, candidate);
  const championMetrics = champion === null ? null : await evaluate(runner, values, backtest, champion);
  const times = await runner
    .measureInference(
      inferenceJob(candidate, values, backtest),
      inferenceJob(champion ?? candidate, values, backtest),
      rounds,
    )
    .catch((cause: unknown) => {
      throw failure("the forecasts could not be timed", cause);
    });
  return {
    candidate: { ...candidateMetrics, inference_ms: times.a_ms },
    champion: championMetrics === null ? null : { ...championMetrics, inference_ms: times.b_ms },
  };
}

async function evaluate(
  runner: BacktestRunner,
  values: Float64Array,
  backtest: Backtest,
  { name, config, artifactPath }: Contender,
): Promise<BacktestMetrics> {
  const { horizon, season_length, backtest_steps, step_size, seed } = backtest;
  const { model, context_length, num_samples, temperature } = config;
  try {
    const plan = planBacktest(values.length, horizon, backtest_steps, step_size);
    const spec = { context_length, num_samples, temperature, seed };
    const result = await runner.evaluate({
      family: model,
      artifactPath,
      values,
      seasonLength: season_length,
      plan,
      spec,
    });
    const metrics = BacktestMetrics.safeParse(result);
    if (metrics.success) return metrics.data;
  } catch (cause) {
    throw failure(`the ${name}'s backtest failed`, cause);
  }
  throw new BacktestFailedError(`the ${name}'s backtest failed: a forecast was not finite`, {
    disposition: "terminate",
  });
}

function inferenceJob(
  { config, artifactPath }: Contender,
  values: Float64Array,
  { horizon, season_length, seed }: Backtest,
) {
  const { model: family, context_length, num_samples, temperature } = config;
  return {
    family,
    artifactPath,
    values,
    spec: { horizon, season_length, context_length, num_samples, temperature, seed },
  };
}

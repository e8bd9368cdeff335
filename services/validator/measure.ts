import { BacktestMetrics, type Candidate, type Searched } from "../../shared/contracts/optimizer.ts";
import { type ForecasterSpec, horizonSteps, stepsIn } from "../../shared/contracts/spec.ts";
import { InvalidInputError, RetuneError } from "../../shared/errors.ts";
import { type BacktestData, type BacktestPlan, planBacktest } from "../../shared/forecasting/backtest.ts";
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
  /** last steps of the dataset, which the forecasts of both are compared with */
  readonly backtest_steps: number;
  /** index of the first step that the search has not seen; null where the event is of a version that hid none */
  readonly search_end: number | null;
  readonly step_size: number;
  readonly seed: number;
}

/** The windows of the hold-out, which the search has not seen; of an event without one, those of the spec's backtest. */
export function backtestOf(spec: ForecasterSpec, { split }: Pick<Searched, "split">): Backtest {
  const { step_size, seed, backtest } = spec.search;
  const holdout = split !== undefined && split.holdout_steps > 0 ? split : undefined;
  return {
    horizon: horizonSteps(spec),
    season_length: spec.season_length,
    backtest_steps: holdout?.holdout_steps ?? stepsIn(backtest, spec),
    search_end: holdout?.search_end ?? null,
    step_size,
    seed,
  };
}

/** @throws {InvalidInputError} where the data is too short, or is not what the search had */
function planOf(data: BacktestData, backtest: Backtest): BacktestPlan {
  const { horizon, backtest_steps, search_end, step_size } = backtest;
  const length = data.series[0]?.values.length ?? 0;
  if (search_end !== null && search_end + backtest_steps !== length) {
    throw new InvalidInputError(
      `the search hid ${backtest_steps} steps from ${search_end} on, but its dataset has ${length}`,
    );
  }
  return planBacktest(length, horizon, backtest_steps, step_size);
}

/** A config with its local model file. */
export interface Contender {
  readonly name: "candidate" | "champion";
  readonly config: Candidate;
  readonly artifactPath: string | undefined;
}

/**
 * Backtests the candidate and, where there is one, the champion on the same windows with the same draws: a trained model
 * is the very artifact that would go live or is live, and is not trained again. Then times one forecast of each,
 * alternately in one run, so that what else the machine does falls on both. (A-VAL-3) The runner does all of it one by one;
 * it is asked at once because the way there and back takes as long as a small backtest.
 *
 * @param rounds timed forecasts of each
 * @throws {BacktestFailedError} naming the config that failed
 */
export async function measure(
  runner: BacktestRunner,
  data: BacktestData,
  backtest: Backtest,
  contenders: { readonly candidate: Contender; readonly champion: Contender | null },
  rounds: number,
): Promise<{ candidate: Measured; champion: Measured | null }> {
  const { candidate, champion } = contenders;
  const timing = () =>
    runner
      .measureInference(
        data,
        inferenceJob(candidate, backtest),
        inferenceJob(champion ?? candidate, backtest),
        rounds,
      )
      .catch((cause: unknown) => {
        throw failure("the forecasts could not be timed", cause);
      });
  const [candidateMetrics, championMetrics, times] = await Promise.all([
    evaluate(runner, data, backtest, candidate),
    champion === null ? null : evaluate(runner, data, backtest, champion),
    timing(),
  ]);
  return {
    candidate: { ...candidateMetrics, inference_ms: times.a_ms },
    champion: championMetrics === null ? null : { ...championMetrics, inference_ms: times.b_ms },
  };
}

async function evaluate(
  runner: BacktestRunner,
  data: BacktestData,
  backtest: Backtest,
  { name, config, artifactPath }: Contender,
): Promise<BacktestMetrics> {
  try {
    const result = await runner.evaluate({
      ...{ family: config.model, artifactPath, data },
      plan: planOf(data, backtest),
      spec: { ...hyperparametersOf(config), seed: backtest.seed },
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

function inferenceJob({ config, artifactPath }: Contender, { horizon, season_length, seed }: Backtest) {
  const spec = { ...hyperparametersOf(config), horizon, season_length, seed };
  return { family: config.model, artifactPath, spec };
}

function hyperparametersOf({ context_length, num_samples, temperature, model_params }: Candidate) {
  return { context_length, num_samples, temperature, model_params };
}

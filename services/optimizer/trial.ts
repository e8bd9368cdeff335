import {
  MAX_LISTED_WINDOWS,
  type Training,
  type TrialResult,
  type TrialTask,
} from "../../shared/contracts/optimizer.ts";
import { explain, RetuneError } from "../../shared/errors.ts";
import {
  type BacktestRunner,
  OutOfMemoryError,
  type TrainingFigures,
} from "../../shared/forecasting/backtest-pool.ts";
import { backtestJob, finiteMetrics, type TrialInputs, trainingJob } from "./backtest-job.ts";
import { lighterBacktest, lighterTraining, lighterWithoutMemory } from "./lighter.ts";

/** Longest error a row of the trial table repeats: all rows together have to fit into one message. */
const MAX_ERROR = 300;

export interface TrialContext {
  /** how often the task was handed out, this time included */
  readonly deliveries: number;
  readonly worker: string;
  readonly runner: BacktestRunner;
  /** Stores a bundle and returns its digest. */
  readonly store: (bundle: Uint8Array) => Promise<string>;
}

/** What is measured of a task, before it becomes a row of the table. */
type Measured = Omit<
  TrialResult,
  "number" | "rung" | "phase" | "model" | "params" | "worker" | "duration_ms"
>;

/**
 * Works on one task: trains the model of a trained family, backtests it on the task's cutoffs, stores its bundle where
 * the task says so. What would fail the same way again is a result, too: its RMSE is infinite, written as null.
 * (A-OPT-2, A-OPT-4)
 *
 * Where the worker's process runs out of memory the task is tried once more with less (`lighter.ts`), and the result says
 * so; a second time is a failed trial.
 *
 * @throws whatever another try may cure, as long as `task.attempts` are not used up; anything once the runner is closed
 */
export async function tryTrial(
  task: TrialTask,
  context: TrialContext,
  inputs: () => Promise<TrialInputs>,
): Promise<TrialResult> {
  const { number, rung, phase, model, params, attempts } = task;
  const { deliveries, worker, runner } = context;
  const startedAt = performance.now();
  const row = (measured: Measured): TrialResult => ({
    ...{ number, rung, phase, model, params, worker },
    duration_ms: performance.now() - startedAt,
    ...measured,
  });
  if (deliveries > attempts) return row(failed(`no worker came through it in ${attempts} attempts`));
  try {
    const made = await inputs();
    return row(
      task.phase === "final"
        ? await trainFinal(task, context, made)
        : await backtestTask(task, context, made),
    );
  } catch (error) {
    if (error instanceof OutOfMemoryError) return row({ ...failed(explain(error)), out_of_memory: true });
    // A worker that is being closed says nothing about the trial: it is somebody else's then.
    if (runner.isClosed || (deliveries < attempts && !isLasting(error))) throw error;
    return row(failed(explain(error)));
  }
}

async function backtestTask(
  task: TrialTask,
  { runner, store }: TrialContext,
  inputs: TrialInputs,
): Promise<Measured> {
  const { objective, keep_artifact } = task;
  const work = backtestJob(task, inputs);
  const done = await lighterWithoutMemory(work, lighterBacktest, (job) => runner.evaluate(job));
  const { result, job, reduced } = done;
  const metrics = finiteMetrics(result);
  if (metrics === null) return failed("a forecast was not finite");
  if (result[objective] === null) return failed(`the objective ${objective} of this series cannot be told`);
  const { losses, sums, inference_ms, memory_mb, training } = result;
  const keeps = keep_artifact && training !== undefined && job.train !== undefined;
  const bundle = keeps ? (await runner.train(trainingJob(task, job.data, job.train))).bundle : undefined;
  return {
    objective: result[objective],
    ...{ rmse: metrics.rmse, metrics, inference_ms, memory_mb, reduced },
    ...(losses.length <= MAX_LISTED_WINDOWS ? { losses: [...losses], sums: [...sums] } : {}),
    ...(training === undefined ? {} : { training: trainingRow(training) }),
    ...(bundle === undefined ? {} : { artifact: await store(bundle) }),
  };
}

/** Trains and stores; there is nothing left that it could be scored on. */
async function trainFinal(
  task: TrialTask,
  { runner, store }: TrialContext,
  { data, train }: TrialInputs,
): Promise<Measured> {
  if (train === undefined) return failed("the task names an artifact, so there is nothing to train");
  const work = trainingJob(task, data, train);
  const { result, reduced } = await lighterWithoutMemory(work, lighterTraining, (job) => runner.train(job));
  const { bundle, training, memory_mb } = result;
  return {
    ...{ rmse: null, metrics: null, memory_mb, reduced },
    training: trainingRow(training),
    artifact: await store(bundle),
  };
}

function trainingRow({ training_ms, ...figures }: TrainingFigures): Training {
  return { duration_ms: training_ms, ...figures };
}

function failed(error: string): Measured {
  return { rmse: null, objective: null, metrics: null, error: shortened(error) };
}

function isLasting(error: unknown): boolean {
  return error instanceof RetuneError && error.disposition === "terminate";
}

function shortened(text: string): string {
  return text.length <= MAX_ERROR ? text : `${text.slice(0, MAX_ERROR - 1)}…`;
}

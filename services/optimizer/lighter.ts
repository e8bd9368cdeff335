import { type BacktestJob, OutOfMemoryError, type Training } from "../../shared/forecasting/backtest-pool.ts";

/** One context at a time: what a model needs grows with the contexts it is handed at once. */
const LIGHT_BATCH = 1;

/** A job made lighter, and what it goes without, in words. */
export interface Lighter<J> {
  readonly job: J;
  readonly reduced: string;
}

/** What was found by which job, and what that went without after memory had run out. */
export interface Outcome<J, T> {
  readonly job: J;
  readonly result: T;
  readonly reduced?: string;
}

/**
 * Does some work, and when its process runs out of memory does it once more, made lighter, in a fresh process, which
 * remembers no other trial's models and predictions. (A-OPT-4)
 *
 * @throws {OutOfMemoryError} when memory runs out a second time, and whatever else `work` throws
 */
export async function lighterWithoutMemory<J, T>(
  job: J,
  lighten: (job: J) => Lighter<J>,
  work: (job: J) => Promise<T>,
): Promise<Outcome<J, T>> {
  try {
    return { job, result: await work(job) };
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
  }
  const lighter = lighten(job);
  return { ...lighter, result: await work(lighter.job) };
}

/** One context at a time, which changes no figure; a model that is trained sees the later half of its history. */
export function lighterBacktest(job: BacktestJob): Lighter<BacktestJob> {
  const batched = { ...job, batch: LIGHT_BATCH };
  if (job.train === undefined) return { job: batched, reduced: "one context at a time" };
  const { train, reduced } = halfOf(job.train);
  return { job: { ...batched, train }, reduced: `one context at a time, ${reduced}` };
}

export function lighterTraining<J extends { readonly train: Training }>(job: J): Lighter<J> {
  const { train, reduced } = halfOf(job.train);
  return { job: { ...job, train }, reduced };
}

function halfOf(train: Training): { train: Training; reduced: string } {
  const { start = 0, end } = train;
  const middle = Math.floor((start + end) / 2);
  return { train: { ...train, start: middle }, reduced: `trained on the last ${end - middle} steps` };
}

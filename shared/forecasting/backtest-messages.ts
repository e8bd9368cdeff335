import { InvalidInputError, RetuneError, UnavailableError } from "../errors.ts";
import type { BacktestPlan, BacktestResult, BacktestSpec } from "./backtest.ts";
import { ModelMismatchError } from "./manifest.ts";
import type { ForecastSpec } from "./quantile-forecast.ts";

/** One configuration to try on one series. */
export interface BacktestJob {
  readonly family: string;
  /** path of the model file, for families that need one */
  readonly artifactPath?: string | undefined;
  /** on a regular grid, oldest first, NaN for missing */
  readonly values: Float64Array;
  readonly seasonLength: number | "auto";
  readonly plan: BacktestPlan;
  readonly spec: BacktestSpec;
}

export interface MeasuredBacktest extends BacktestResult {
  /** milliseconds of prediction per window, as measured when each was computed: a remembered one keeps its cost */
  readonly inference_ms: number;
}

/** One live forecast to time, as a forecaster computes it: the newest context, the whole horizon, the draws. */
export interface InferenceJob {
  readonly family: string;
  readonly artifactPath?: string | undefined;
  readonly values: Float64Array;
  readonly spec: ForecastSpec;
}

/** Median milliseconds of one forecast. */
export interface InferenceTimes {
  readonly a_ms: number;
  readonly b_ms: number;
}

export type WorkerRequest =
  | { readonly id: number; readonly kind: "evaluate"; readonly job: BacktestJob }
  | {
      readonly id: number;
      readonly kind: "measure";
      readonly a: InferenceJob;
      readonly b: InferenceJob;
      readonly rounds: number;
    };

export type WorkerReply =
  | { readonly id: number; readonly ok: true; readonly result: MeasuredBacktest | InferenceTimes }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: { readonly name: string; readonly message: string };
    };

const ERRORS = { InvalidInputError, ModelMismatchError, UnavailableError } as const;

/** The error of a worker as the class it had there; classes do not survive the way between threads. */
export function revive({ name, message }: { readonly name: string; readonly message: string }): Error {
  const known = Object.hasOwn(ERRORS, name) ? ERRORS[name as keyof typeof ERRORS] : undefined;
  return known === undefined ? new Error(`${name}: ${message}`) : new known(message);
}

/** The worker ran out of its memory. Another try with the same work will too; less work may not. (A-OPT-4) */
export class OutOfMemoryError extends RetuneError {
  readonly disposition = "retry";
}

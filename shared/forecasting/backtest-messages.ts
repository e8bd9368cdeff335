import type { Hyperparameters } from "../contracts/live-config.ts";
import { InvalidInputError, RetuneError, UnavailableError } from "../errors.ts";
import { revived, type ToldError } from "../told-errors.ts";
import type { BacktestData, BacktestPlan, BacktestResult, BacktestSpec } from "./backtest.ts";
import type { BundleInfo } from "./bundle/bundle.ts";
import { TrainerFailedError } from "./command/errors.ts";
import { ModelMismatchError } from "./manifest.ts";
import type { ForecastSpec } from "./quantile-forecast.ts";
import type { StepForecasts, StepPlan } from "./step-forecasts.ts";
import type { Objective } from "./window-loss.ts";

/** A local copy of an artifact. */
export interface StoredFile {
  readonly path: string;
  readonly digest: string;
}

/** How the model of a trained family is made. */
export interface Training {
  /** index of the first step that training must not see */
  readonly end: number;
  /** index of the first step that training looks at; 0 unless told */
  readonly start?: number | undefined;
  /** bundle that the training goes on from (D-TRN-1) */
  readonly parent?: StoredFile | undefined;
  /** model file that the training may build on */
  readonly pretrained?: (StoredFile & { readonly family: string }) | undefined;
  /** for the bundle's receipt */
  readonly codeVersion: string;
}

/** One configuration to try on one series or fleet. */
export interface BacktestJob {
  readonly family: string;
  /** path of the model file or bundle, for families that need one */
  readonly artifactPath?: string | undefined;
  /**
   * how the model of a trained family is made where there is no `artifactPath`; one that was made the same way is taken
   * from the process's memory
   */
  readonly train?: Training | undefined;
  readonly data: BacktestData;
  readonly plan: BacktestPlan;
  readonly spec: BacktestSpec;
  /** of the losses; RMSE unless told */
  readonly objective?: Objective | undefined;
  /** contexts predicted at once, as `BacktestOptions` */
  readonly batch?: number | undefined;
}

/** Forecasts to make over the past, of which one step is looked at. */
export interface StepForecastJob extends Omit<BacktestJob, "plan" | "objective" | "batch"> {
  readonly plan: StepPlan;
}

/** A model to train and to pack. */
export interface TrainingJob {
  readonly family: string;
  readonly data: BacktestData;
  readonly horizon: number;
  readonly params: Hyperparameters;
  readonly seed: number;
  readonly train: Training;
}

/** What training a model took and came to. */
export interface TrainingFigures {
  readonly training_ms: number;
  /** rows it was fitted to */
  readonly rows: number;
  /** boosting rounds or epochs, of all trainings and of this one */
  readonly rounds?: BundleInfo["rounds"];
  /** on rows held out of the fit */
  readonly metrics?: BundleInfo["metrics"];
}

export interface MeasuredBacktest extends BacktestResult {
  /** milliseconds of prediction per window, as measured when each was computed: a remembered one keeps its cost */
  readonly inference_ms: number;
  /** peak memory of the process while it worked on this, above an idle one's, MB */
  readonly memory_mb: number;
  readonly training?: TrainingFigures | undefined;
}

export interface TrainedModel {
  /** packed, as the artifact store keeps it */
  readonly bundle: Uint8Array;
  readonly training: TrainingFigures;
  readonly memory_mb: number;
}

/** Live forecasts to time, as a forecaster computes them: the newest contexts, the whole horizon, the draws. */
export interface InferenceJob {
  readonly family: string;
  readonly artifactPath?: string | undefined;
  readonly spec: ForecastSpec;
}

/** Median milliseconds of one forecast. */
export interface InferenceTimes {
  readonly a_ms: number;
  readonly b_ms: number;
}

/** What a worker may be asked, each with what it answers. */
export interface Work {
  readonly evaluate: {
    readonly ask: { readonly job: Omit<BacktestJob, "data"> };
    readonly answer: MeasuredBacktest;
  };
  readonly forecast: {
    readonly ask: { readonly job: Omit<StepForecastJob, "data"> };
    readonly answer: StepForecasts;
  };
  readonly train: {
    readonly ask: { readonly job: Omit<TrainingJob, "data"> };
    readonly answer: TrainedModel;
  };
  readonly measure: {
    readonly ask: { readonly a: InferenceJob; readonly b: InferenceJob; readonly rounds: number };
    readonly answer: InferenceTimes;
  };
}

export type Question = { [Kind in keyof Work]: { readonly kind: Kind } & Work[Kind]["ask"] }[keyof Work];
export type Answer = Work[keyof Work]["answer"];

/** Data goes ahead of the first question about it, and is called by its key from then on. */
export type WorkerRequest =
  | { readonly kind: "data"; readonly key: number; readonly data: BacktestData }
  | { readonly kind: "forget"; readonly key: number }
  | { readonly kind: "ask"; readonly id: number; readonly dataKey: number; readonly question: Question };

export type WorkerReply =
  | { readonly id: number; readonly ok: true; readonly result: Answer }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: ToldError;
    };

/** The worker ran out of its memory. Another try with the same work will too; less work may not. (A-OPT-4) */
export class OutOfMemoryError extends RetuneError {
  readonly disposition = "retry";
}

const ERRORS = {
  InvalidInputError,
  ModelMismatchError,
  OutOfMemoryError,
  TrainerFailedError,
  UnavailableError,
} as const;

/** The error of a worker as the class it had there. */
export function revive(error: ToldError): Error {
  return revived(error, ERRORS);
}

import { type CloudEvent, type StepData, stepType } from "../../shared/contracts/envelope.ts";
import type { Failed } from "../../shared/contracts/failed.ts";
import type { Searched } from "../../shared/contracts/optimizer.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { ComparedStrategy } from "../../shared/contracts/strategy.ts";
import type { Step } from "../../shared/contracts/subjects.ts";
import { nextStage, type Validated } from "../../shared/contracts/validator.ts";
import { newEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { Verdict } from "./decide.ts";
import type { Backtest } from "./measure.ts";
import type { Champion, Measured } from "./state.ts";

type Shell = Pick<ServiceContext, "source" | "clock" | "codeVersion">;

/** A searched run as its event says it. */
export interface SearchedRun {
  readonly data: Searched;
  readonly sequence: number;
}

/** What a verdict was found from. */
export interface Trial {
  readonly spec: ForecasterSpec;
  readonly specRevision: number;
  /** absent of a strategy, whose forecasts are those of the live config */
  readonly backtest?: Backtest;
  readonly champion: Champion | null;
  readonly championRevision: number;
}

export interface Outcome {
  readonly step: Step;
  readonly event: CloudEvent<StepData>;
}

/** The ValidationReport of a measured candidate. (A-VAL-7) */
export function verdictOutcome(
  shell: Shell,
  run: SearchedRun,
  trial: Trial,
  { step, ...verdict }: Verdict,
  measured: { readonly candidate: Measured; readonly champion: Measured | null },
): Outcome {
  const data = {
    ...report(shell, run, trial),
    ...verdict,
    ...(step === "rejected" ? {} : { next_stage: nextStage(verdict, trial.spec.shadow.enabled) }),
    candidate_metrics: measured.candidate,
    champion_metrics: measured.champion,
  } satisfies Validated;
  return outcome(shell, step, data);
}

/** The ValidationReport of a strategy. No shadow can tell: its forecasts are those of the live config. */
export function strategyOutcome(
  shell: Shell,
  run: SearchedRun,
  trial: Trial,
  { step, ...verdict }: Verdict,
  strategies: readonly ComparedStrategy[],
): Outcome {
  const data = {
    ...report(shell, run, trial),
    ...verdict,
    ...(step === "rejected" ? {} : { next_stage: "deployment" as const }),
    candidate_metrics: null,
    champion_metrics: null,
    strategies: [...strategies],
  } satisfies Validated;
  return outcome(shell, step, data);
}

/** The ValidationReport of a candidate that could not be measured. (A-VAL-6) */
export function unmeasuredOutcome(shell: Shell, run: SearchedRun, trial: Trial, reason: string): Outcome {
  const data = {
    ...report(shell, run, trial),
    approved: false,
    first_deployment: trial.champion === null,
    candidate_metrics: null,
    champion_metrics: null,
    criteria: [],
    reasons: [reason],
  };
  return outcome(shell, "rejected", data);
}

export function failedOutcome(
  shell: Shell,
  { data: { run_id, forecaster }, sequence }: SearchedRun,
  cause: string,
): Outcome {
  const evidence = { code_version: shell.codeVersion };
  const data: Failed = {
    ...{ run_id, forecaster, caused_by: [sequence], evidence },
    ...{ stage: "validation", cause, will_retry: false },
  };
  return outcome(shell, "failed", data);
}

function report(shell: Shell, { data, sequence }: SearchedRun, trial: Trial) {
  const { run_id, forecaster, candidate, search_iterations, optimization_time_seconds, dataset } = data;
  const { spec, specRevision, backtest, champion, championRevision } = trial;
  return {
    ...{
      run_id,
      forecaster,
      caused_by: [sequence],
      candidate,
      champion,
      champion_revision: championRevision,
    },
    ...{ search_iterations, optimization_time_seconds },
    evidence: {
      code_version: shell.codeVersion,
      spec_revision: specRevision,
      dataset,
      data: data.evidence.data ?? null,
      ...(backtest === undefined ? { strategy: spec.strategy } : { backtest }),
      thresholds: spec.validation,
    },
  } satisfies Partial<Validated>;
}

function outcome<D extends StepData & { forecaster: string }>(shell: Shell, step: Step, data: D): Outcome {
  const { source, clock } = shell;
  return {
    step,
    event: newEvent({ source, type: stepType(step), subject: data.forecaster, timeMs: clock.now(), data }),
  };
}

import { type CloudEvent, stepType } from "../../shared/contracts/envelope.ts";
import type { Failed } from "../../shared/contracts/failed.ts";
import type { Searched, Training, TrialResult } from "../../shared/contracts/optimizer.ts";
import { newEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { Baselines } from "./baselines.ts";
import type { FiniteTrial } from "./select.ts";
import { type GenerationStanding, windowPlan } from "./standing.ts";
import type { Study } from "./state.ts";
import type { AcceptedRun } from "./study.ts";
import { rowsOf } from "./table.ts";

type Shell = Pick<ServiceContext, "source" | "clock" | "codeVersion">;

/** `searched`: the winner with the whole trial table, and what a reader needs to judge it. (A-OPT-5) */
export function searchedEvent(
  shell: Shell,
  study: Study,
  found: {
    readonly winner: FiniteTrial;
    readonly artifact: string | null;
    readonly training: Training | undefined;
    readonly standing: readonly GenerationStanding[];
    readonly baselines: Baselines;
    /** of the dataset's steps */
    readonly times: Float64Array | undefined;
    readonly nowMs: number;
  },
): CloudEvent<Searched> {
  const { winner, artifact, training, standing, baselines, times, nowMs } = found;
  const { search, plan, fallback, split } = study;
  const trials = rowsOf(study, standing);
  const windows = windowPlan(study);
  const data: Searched = {
    run_id: study.run_id,
    forecaster: study.forecaster,
    caused_by: [study.accepted_sequence],
    action: study.action,
    candidate: { ...winner.params, model: winner.model ?? plan.model, artifact },
    metrics: winner.metrics,
    ...(training === undefined ? {} : { training }),
    trials: trials.map(shortened),
    sampler: plan.sampler,
    prune: windows.prune,
    rungs: [...windows.rungs],
    objective: search.objective,
    ...(times === undefined ? {} : { split: { ...split, ...timesOf(split, times) } }),
    adapted: study.adapted,
    cut: fallback === null ? null : { phase: "search", because: fallback.because, ...fallback.cut },
    losses: lossesOf(trials),
    fell_back: fallback !== null,
    search_iterations: trials.length,
    optimization_time_seconds: Math.max(0, nowMs - study.started_at_ms) / 1_000,
    dataset: study.dataset,
    baselines: { ...baselines },
    evidence: evidence(shell, study),
  };
  return searchEvent(shell, "searched", data);
}

function timesOf({ train_end, search_end }: Study["split"], times: Float64Array) {
  const at = (step: number) => new Date(times[step]!).toISOString();
  return { train_to: at(train_end - 1), search_from: at(train_end), search_to: at(search_end - 1) };
}

/** All rows have to fit into one message: what follows from the rest is left out, what was measured is rounded. */
function shortened({ value, training, ...row }: TrialResult): TrialResult {
  const { objective, duration_ms, inference_ms, memory_mb } = row;
  const rounded = (measured: number) => Number(measured.toPrecision(4));
  return {
    ...row,
    ...(value === undefined || value === objective ? {} : { value }),
    ...(training === undefined
      ? {}
      : { training: { duration_ms: training.duration_ms, rows: training.rows } }),
    duration_ms: rounded(duration_ms),
    ...(inference_ms === undefined ? {} : { inference_ms: rounded(inference_ms) }),
    ...(memory_mb === undefined ? {} : { memory_mb: rounded(memory_mb) }),
  };
}

/** Forecast windows in the table: known from earlier runs, and evaluated by this one. */
function lossesOf(trials: readonly TrialResult[]): NonNullable<Searched["losses"]> {
  const reused = trials.reduce((sum, each) => sum + (each.reused ?? 0), 0);
  const all = trials.reduce((sum, { metrics }) => sum + (metrics?.windows ?? 0), 0);
  return { reused, evaluated: Math.max(0, all - reused) };
}

/** `failed` of a search that had begun. */
export function failedStudyEvent(shell: Shell, study: Study, cause: string): CloudEvent<Failed> {
  return failedEvent(shell, study, [study.accepted_sequence], cause, evidence(shell, study));
}

/** `failed` of a run whose search could not begin. */
export function failedRunEvent(
  shell: Shell,
  { data, sequence }: AcceptedRun,
  cause: string,
): CloudEvent<Failed> {
  return failedEvent(shell, data, [sequence], cause, { code_version: shell.codeVersion });
}

function failedEvent(
  shell: Shell,
  { run_id, forecaster }: Pick<Failed, "run_id" | "forecaster">,
  caused_by: number[],
  cause: string,
  receipt: Failed["evidence"],
): CloudEvent<Failed> {
  const data: Failed = {
    run_id,
    forecaster,
    caused_by,
    evidence: receipt,
    stage: "search",
    cause,
    will_retry: false,
  };
  return searchEvent(shell, "failed", data);
}

export function searchEvent<D extends { forecaster: string }>(
  shell: Shell,
  step: "searched" | "failed",
  data: D,
): CloudEvent<D> {
  const { source, clock } = shell;
  return newEvent({ source, type: stepType(step), subject: data.forecaster, timeMs: clock.now(), data });
}

function evidence({ codeVersion }: Shell, study: Study): Searched["evidence"] {
  const { dataset, data, artifacts, plan, spec_revision, horizon, season_length, backtest_steps } = study;
  const { search, fallback, split, losses } = study;
  const { step_size, seed, memory_limit_mb, time_limit } = search;
  return {
    code_version: codeVersion,
    spec_revision,
    dataset,
    data,
    artifact: artifacts[plan.model] ?? null,
    split,
    losses,
    backtest: { horizon, season_length, backtest_steps, step_size, seed },
    limits: { memory_limit_mb, time_limit, fallback_time_limit: search.fallback.time_limit },
    fell_back_because: fallback?.because ?? null,
  };
}

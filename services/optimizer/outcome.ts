import { type CloudEvent, stepType } from "../../shared/contracts/envelope.ts";
import type { Failed } from "../../shared/contracts/failed.ts";
import type { Searched, TrialResult } from "../../shared/contracts/optimizer.ts";
import { newEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { Baselines } from "./baselines.ts";
import type { FiniteTrial } from "./select.ts";
import { plannedTrials, type Study } from "./state.ts";
import type { AcceptedRun } from "./study.ts";

type Shell = Pick<ServiceContext, "source" | "clock" | "codeVersion">;

/** `searched`: the winner with the whole trial table. (A-OPT-5) */
export function searchedEvent(
  shell: Shell,
  study: Study,
  found: {
    readonly winner: FiniteTrial;
    readonly results: ReadonlyMap<number, TrialResult>;
    readonly baselines: Baselines;
    readonly nowMs: number;
  },
): CloudEvent<Searched> {
  const { winner, results, baselines, nowMs } = found;
  const trials = plannedTrials(study).flatMap(({ number }) => results.get(number) ?? []);
  const data: Searched = {
    run_id: study.run_id,
    forecaster: study.forecaster,
    caused_by: [study.accepted_sequence],
    candidate: { ...winner.params, model: study.model, artifact: study.artifact },
    metrics: winner.metrics,
    trials,
    sampler: study.search.sampler,
    fell_back: study.fallback !== null,
    search_iterations: trials.length,
    optimization_time_seconds: Math.max(0, nowMs - study.started_at_ms) / 1_000,
    dataset: study.dataset,
    baselines: { ...baselines },
    evidence: evidence(shell, study),
  };
  return event(shell, "searched", data);
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
  return event(shell, "failed", data);
}

function event<D extends { forecaster: string }>(
  shell: Shell,
  step: "searched" | "failed",
  data: D,
): CloudEvent<D> {
  const { source, clock } = shell;
  return newEvent({ source, type: stepType(step), subject: data.forecaster, timeMs: clock.now(), data });
}

function evidence({ codeVersion }: Shell, study: Study): Searched["evidence"] {
  const { dataset, data, artifact, spec_revision, horizon, season_length, backtest_steps, search, fallback } =
    study;
  const { step_size, seed, memory_limit_mb, time_limit } = search;
  return {
    code_version: codeVersion,
    spec_revision,
    dataset,
    data,
    artifact,
    backtest: { horizon, season_length, backtest_steps, step_size, seed },
    limits: { memory_limit_mb, time_limit, fallback_time_limit: search.fallback.time_limit },
    fell_back_because: fallback?.because ?? null,
  };
}

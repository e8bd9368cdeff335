import { z } from "zod";
import { Hyperparameters, MODEL_FAMILIES } from "../../shared/contracts/live-config.ts";
import type { TrialTask } from "../../shared/contracts/optimizer.ts";
import { SearchSpec } from "../../shared/contracts/spec.ts";
import { ArtifactDigest, RunId, Token } from "../../shared/contracts/subjects.ts";
import { Timestamp } from "../../shared/contracts/telemetry.ts";
import { planSearch } from "../../shared/forecasting/search-plan.ts";

/**
 * Bucket `states`, key `study.<run>`, while the search of a run goes on: all that any optimizer needs to go on with it.
 * The points of the first search follow from `search`.
 */
export const Study = z.object({
  run_id: RunId,
  forecaster: Token,
  accepted_sequence: z.int().nonnegative(),
  started_at_ms: z.number().describe("machine time, so that a restart does not extend the time limit"),
  spec_revision: z.int().nonnegative(),
  search: SearchSpec,
  model: z.enum(MODEL_FAMILIES),
  artifact: ArtifactDigest.nullable(),
  dataset: ArtifactDigest.describe("on the spec's grid of steps; a step without a value is null"),
  data: z.object({
    rows: z.int().nonnegative().describe("observations the buffer gave"),
    points: z.int().nonnegative().describe("steps they make"),
    from: Timestamp,
    to: Timestamp,
    last_sequence: z.int().nonnegative().describe("last TELEMETRY sequence the data has seen"),
  }),
  horizon: z.int().positive().describe("steps"),
  season_length: z.union([z.int().min(1), z.literal("auto")]),
  backtest_steps: z.int().positive(),
  fallback: z
    .object({ because: z.string(), points: z.array(Hyperparameters), started_at_ms: z.number() })
    .nullable(),
});
export type Study = z.infer<typeof Study>;

export const studyKey = (run: string) => `study.${run}`;

export type Phase = TrialTask["phase"];

export function phaseOf(study: Study): Phase {
  return study.fallback === null ? "search" : "fallback";
}

/** One row of the plan. */
export interface PlannedTrial {
  readonly number: number;
  readonly phase: Phase;
  readonly params: Hyperparameters;
}

/** Every trial planned so far; numbers go on from the first search into the fallback. */
export function plannedTrials(study: Study): PlannedTrial[] {
  const plan = (phase: Phase, points: readonly Hyperparameters[], from: number) =>
    points.map((params, i) => ({ number: from + i, phase, params }));
  const search = plan("search", planSearch(study.search), 0);
  return [...search, ...plan("fallback", study.fallback?.points ?? [], search.length)];
}

/** The task of one trial: self-contained, so that any optimizer can work on it. */
export function taskOf(study: Study, { number, phase, params }: PlannedTrial): TrialTask {
  const { step_size, seed, memory_limit_mb, attempts } = study.search;
  const { run_id, forecaster, model, artifact, dataset, horizon, season_length, backtest_steps } = study;
  return {
    ...{
      run_id,
      forecaster,
      number,
      phase,
      params,
      model,
      artifact,
      dataset,
      horizon,
      season_length,
      backtest_steps,
    },
    ...{ step_size, seed, memory_limit_mb, attempts },
  };
}

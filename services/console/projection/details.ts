import { isDeepStrictEqual } from "node:util";
import { type Candidate, Searched, type TrialResult } from "../../../shared/contracts/optimizer.ts";
import type { RunSummary } from "../../../shared/contracts/run.ts";
import { Validated } from "../../../shared/contracts/validator.ts";
import { type Cause, explain } from "../words/explain.ts";
import { ranked } from "../words/explain-search.ts";
import { readable } from "../words/format.ts";
import { modelText } from "../words/steps.ts";
import { runView } from "./runs.ts";
import type { CriterionView, RunDetails, TrialView } from "./view.ts";

/** Everything about one run: its explanation, its trial table and the criteria it was judged by. */
export function runDetails(run: RunSummary, causes: readonly Cause[]): RunDetails {
  const { headline, sections } = explain(run, causes);
  return {
    run: runView(run),
    explanation: { headline, sections: sections.map((each) => ({ ...each })) },
    trials: trials(run),
    criteria: criteria(run),
  };
}

function trials(run: RunSummary): readonly TrialView[] {
  const searched = Searched.safeParse(run.steps.find((each) => each.step === "searched")?.data);
  if (!searched.success) return [];
  const { candidate } = searched.data;
  return ranked(searched.data.trials).map((trial) => {
    const { number, params, rmse, metrics, duration_ms, error, model = candidate.model } = trial;
    const { context_length, num_samples, temperature, model_params } = params;
    return {
      model: readable(modelText({ model, model_params })),
      ...{ number, context_length, num_samples, temperature, rmse },
      mase: metrics?.mase ?? null,
      coverage: metrics?.coverage ?? null,
      duration_ms,
      chosen: isChosen(trial, candidate),
      error: error === undefined ? null : readable(error),
    };
  });
}

function isChosen(
  { params, model, pruned }: TrialResult,
  { model: chosen, artifact: _, ...config }: Candidate,
): boolean {
  return pruned !== true && (model ?? chosen) === chosen && isDeepStrictEqual(params, config);
}

function criteria(run: RunSummary): readonly CriterionView[] {
  const verdict = run.steps.find((each) => ["approved", "rejected", "held"].includes(each.step));
  const report = Validated.safeParse(verdict?.data);
  if (!report.success) return [];
  return report.data.criteria.map(({ reason, ...rest }) => ({ ...rest, reason: readable(reason) }));
}

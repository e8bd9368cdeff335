import type { BacktestMetrics, Searched, TrialResult } from "../../../shared/contracts/optimizer.ts";
import type { ModelAction } from "../../../shared/contracts/spec-remedies.ts";
import type { Validated } from "../../../shared/contracts/validator.ts";
import { FOUNDATION_SHARE, isFoundation } from "../../../shared/forecasting/ensemble/foundation.ts";
import { versusLastValue } from "./baseline.ts";
import { heldOutLines, strategySearchLines } from "./explain-strategy.ts";
import { count, figure, percent, sentence, span } from "./format.ts";
import { configText } from "./steps.ts";

const SAMPLERS: Readonly<Record<Searched["sampler"], string>> = {
  grid: "Grid search",
  random: "Random search",
  halton: "Halton search",
  tpe: "TPE search",
  gp: "Gaussian-process search",
};

const WAYS: Readonly<Record<ModelAction, (sampler: Searched["sampler"]) => string>> = {
  search: (sampler) => SAMPLERS[sampler],
  refit: () => "The live configuration on newer data",
  reweigh: () => "New weights for the live members",
};

/** How an ensemble's training names the weight of a member. */
const WEIGHT = "weight.";

/** Trials from best to worst; failed ones after those that saw every window, then those given up on. */
export function ranked(trials: readonly TrialResult[]): readonly TrialResult[] {
  const rank = ({ pruned }: TrialResult) => (pruned === true ? 1 : 0);
  const loss = ({ value, objective, rmse }: TrialResult) =>
    rmse === null ? Infinity : (value ?? objective ?? rmse);
  return trials.toSorted((a, b) => rank(a) - rank(b) || loss(a) - loss(b) || a.number - b.number);
}

/** A run's search that tried models, not what is done with their forecasts. */
type ModelSearched = Searched & { readonly metrics: BacktestMetrics };

/** What a run searched and found. */
export function searchedLines(searched: Searched): readonly string[] {
  const { action = "search", strategy, metrics } = searched;
  if (strategy !== undefined) return strategySearchLines(searched, strategy);
  return action === "strategy" || metrics === null ? [] : modelLines({ ...searched, metrics }, action);
}

/** What the search tried, what won and how it stands against the simple baselines. */
function modelLines(searched: ModelSearched, action: ModelAction): readonly string[] {
  const { trials, candidate, metrics, optimization_time_seconds, fell_back, baselines } = searched;
  const failed = trials.filter((trial) => trial.rmse === null);
  const second = ranked(trials)[1];
  const lines = [
    `${WAYS[action](searched.sampler)}, ${count(trials.length, "trial")} in ${span(optimization_time_seconds * 1000)}.`,
    `Best: ${configText(candidate)}, with RMSE ${figure(metrics.rmse)}${second?.rmse == null ? "" : ` (the next best had ${figure(second.rmse)})`}.`,
    `Over ${count(metrics.windows, "window")} and ${count(metrics.n, "forecast")}: MAE ${figure(metrics.mae)}, MAPE ${metrics.mape === null ? "n/a" : `${figure(metrics.mape, 3)} %`}, MASE ${figure(metrics.mase)}, coverage ${percent(metrics.coverage)}, bias ${figure(metrics.mean_error)}.`,
  ];
  lines.push(...trainingLines(searched), ...splitLines(searched), ...effortLines(searched));
  if (fell_back)
    lines.push(
      "The time or memory limit ended the first search; it fell back to the cheaper half of the space.",
    );
  if (failed.length > 0)
    lines.push(
      sentence(
        `${count(failed.length, "trial")} failed, the first with: ${failed[0]?.error ?? "no reason given"}`,
      ),
    );
  for (const [name, baseline] of Object.entries(baselines)) {
    const versus = versusLastValue(metrics.rmse, baseline.rmse)?.words.replace("last value", "it");
    lines.push(
      `${sentence(`${name.replaceAll("-", " ")} had RMSE ${figure(baseline.rmse)} on the same windows${versus === undefined ? "" : `; the candidate ${versus}`}`)}`,
    );
  }
  return lines;
}

/** What the candidate's model was fitted to, and of an ensemble what each member counts. (D-TRN-1, E-ENS-1) */
function trainingLines({ training }: Searched): string[] {
  if (training === undefined) return [];
  const { rows, rounds, metrics = {} } = training;
  const added = rounds === undefined ? "" : `, ${count(rounds.added, "round")} of ${rounds.total} in all`;
  const weights = Object.entries(metrics)
    .flatMap(([name, weight]) =>
      name.startsWith(WEIGHT) ? [{ member: name.slice(WEIGHT.length), weight }] : [],
    )
    .toSorted((a, b) => b.weight - a.weight);
  const lines = [`Its model was fitted to ${count(rows, "row")}${added}.`];
  if (weights.length === 0) return lines;
  const told = weights.map(({ member, weight }) => `${member} ${percent(weight)}`).join(", ");
  const { least, most } = FOUNDATION_SHARE;
  const flags = weights
    .filter(({ member, weight }) => isFoundation(member) && (weight < least || weight > most))
    .map(
      ({ member }) =>
        `; ${member} lies outside ${100 * least} to ${100 * most} %, look whether that is right`,
    );
  return [...lines, `Its members' weights: ${told}${flags.join("")}.`];
}

/** What the search saw, and what it kept for the validator. */
function splitLines({ split }: Searched): string[] {
  if (split === undefined) return [];
  const { search_from, search_to, holdout_steps } = split;
  return [
    `It looked at forecasts from ${search_from.slice(0, 10)} to ${search_to.slice(0, 10)}; the ${count(holdout_steps, "step")} after that it never saw.`,
  ];
}

/** What was left out or known already, and how the search was made to fit. */
function effortLines({ trials, losses, cut, adapted = [] }: Searched): string[] {
  const pruned = trials.filter((trial) => trial.pruned === true).length;
  const lines = adapted.map(sentence);
  if (losses !== undefined && losses.reused > 0)
    lines.push(
      `${count(losses.reused, "forecast window")} of ${losses.reused + losses.evaluated} were known from earlier runs.`,
    );
  if (pruned > 0)
    lines.push(`${count(pruned, "trial")} did not see every window, being beaten before, or cut short.`);
  if (cut != null)
    lines.push(
      `Generation ${cut.generation} was cut after ${cut.done} of ${count(cut.planned, "trial")}: ${cut.because}.`,
    );
  return lines;
}

/** Every criterion with its verdict, and the figures both configs were judged by. */
export function validatedLines(report: Validated): readonly string[] {
  const { criteria, champion, champion_revision, champion_metrics, candidate_metrics, strategies } = report;
  const lines = criteria.map(
    ({ name, passed, value, limit, reason }) =>
      `${passed ? "pass" : "FAIL"} ${name}: ${reason.replace(/\.$/, "")} (value ${figure(value)}, limit ${limit}).`,
  );
  if (candidate_metrics !== null) lines.push(`Candidate: ${metricsText(candidate_metrics)}.`);
  if (champion !== null && champion_metrics !== null) {
    lines.push(
      `Champion, version ${champion.version} (revision ${champion_revision}): ${metricsText(champion_metrics)}.`,
    );
  }
  lines.push(...heldOutLines(strategies ?? []));
  const said = noteOf(report);
  return said === undefined ? lines : [...lines, said];
}

type Metrics = NonNullable<Validated["candidate_metrics"]>;

function metricsText({ rmse, mape, coverage, mean_error, error_std, inference_ms }: Metrics): string {
  return `RMSE ${figure(rmse)}, MAPE ${mape === null ? "n/a" : `${figure(mape, 3)} %`}, error std ${figure(error_std)}, coverage ${percent(coverage)}, bias ${figure(mean_error)}, ${span(inference_ms)} a forecast`;
}

/** A person's word on a held run, which the receipt carries. */
function noteOf({ evidence }: Validated): string | undefined {
  const { decided_by, note } = evidence;
  if (typeof decided_by !== "string") return undefined;
  return sentence(`decided by ${decided_by}${typeof note === "string" ? `: ${note}` : ""}`);
}

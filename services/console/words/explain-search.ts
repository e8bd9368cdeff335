import type { Searched, TrialResult } from "../../../shared/contracts/optimizer.ts";
import type { Validated } from "../../../shared/contracts/validator.ts";
import { versusLastValue } from "./baseline.ts";
import { count, figure, percent, sentence, span } from "./format.ts";
import { configText } from "./steps.ts";

/** Trials from best to worst, failed ones last. */
export function ranked(trials: readonly TrialResult[]): readonly TrialResult[] {
  return trials.toSorted((a, b) => (a.rmse ?? Infinity) - (b.rmse ?? Infinity) || a.number - b.number);
}

/** What the search tried, what won and how it stands against the simple baselines. */
export function searchedLines(searched: Searched): readonly string[] {
  const { trials, candidate, metrics, sampler, optimization_time_seconds, fell_back, baselines } = searched;
  const failed = trials.filter((trial) => trial.rmse === null);
  const second = ranked(trials)[1];
  const lines = [
    `${sampler === "grid" ? "Grid" : "Random"} search, ${count(trials.length, "trial")} in ${span(optimization_time_seconds * 1000)}.`,
    `Best: ${configText(candidate)}, with RMSE ${figure(metrics.rmse)}${second?.rmse == null ? "" : ` (the next best had ${figure(second.rmse)})`}.`,
    `Over ${count(metrics.windows, "window")} and ${count(metrics.n, "forecast")}: MAE ${figure(metrics.mae)}, MAPE ${metrics.mape === null ? "n/a" : `${figure(metrics.mape, 3)} %`}, MASE ${figure(metrics.mase)}, coverage ${percent(metrics.coverage)}, bias ${figure(metrics.mean_error)}.`,
  ];
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

/** Every criterion with its verdict, and the figures both configs were judged by. */
export function validatedLines(report: Validated): readonly string[] {
  const { criteria, champion, champion_revision, champion_metrics, candidate_metrics } = report;
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

import { Trialled } from "../../../shared/contracts/ab-tester.ts";
import { Deployed, RolledBack, Verified } from "../../../shared/contracts/deployer.ts";
import type { StepData } from "../../../shared/contracts/envelope.ts";
import { Failed } from "../../../shared/contracts/failed.ts";
import { type BacktestMetrics, type Candidate, Searched } from "../../../shared/contracts/optimizer.ts";
import type { ComparedStrategy } from "../../../shared/contracts/strategy.ts";
import type { Step } from "../../../shared/contracts/subjects.ts";
import { Accepted, Refused } from "../../../shared/contracts/trigger.ts";
import { Validated } from "../../../shared/contracts/validator.ts";
import { versusLastValue } from "./baseline.ts";
import { strategySearchedText } from "./explain-strategy.ts";
import { count, figure, joined, percent, readable, signedPercent, span } from "./format.ts";

/** How a sentence feels: `attention` waits for a person, `progress` is under way. */
export type Tone = "neutral" | "progress" | "good" | "bad" | "attention";

export interface Words {
  readonly text: string; // no full stop, no forecaster: "deployed as version 3"
  readonly tone: Tone;
}

/**
 * One step of a run in words, its figures included. Text that came from outside has its control
 * characters replaced. Data that breaks its contract is named as such, never thrown on.
 */
export function stepWords(step: Step, data: StepData): Words {
  const { text, tone } = wordsOf(step, data);
  return { text: readable(text), tone };
}

function wordsOf(step: Step, data: StepData): Words {
  switch (step) {
    case "accepted":
      return read(Accepted, data, step, (accepted) => ({ text: acceptedText(accepted), tone: "neutral" }));
    case "refused":
      return read(Refused, data, step, ({ message }) => ({ text: `refused: ${message}`, tone: "neutral" }));
    case "searched":
      return read(Searched, data, step, (searched) => ({ text: searchedText(searched), tone: "neutral" }));
    case "approved":
      return read(Validated, data, step, (report) => ({ text: approvedText(report), tone: "good" }));
    case "rejected":
      return rejectedWords(data);
    case "held":
      return read(Validated, data, step, () => ({
        text: "held until a person approves it",
        tone: "attention",
      }));
    case "trialled":
      return read(Trialled, data, step, trialledWords);
    case "deployed":
      return read(Deployed, data, step, (report) => ({ text: deployedText(report), tone: "good" }));
    case "verified":
      return read(Verified, data, step, (report) => ({ text: verifiedText(report), tone: "good" }));
    case "rolled-back":
      return read(RolledBack, data, step, (report) => ({ text: rolledBackText(report), tone: "bad" }));
    case "failed":
      return read(Failed, data, step, ({ stage, cause, will_retry }) => ({
        text: `failed in ${stage}: ${cause}${will_retry ? " (will be tried again)" : ""}`,
        tone: "bad",
      }));
  }
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

function read<T>(schema: Schema<T>, data: StepData, step: Step, words: (data: T) => Words): Words {
  const parsed = schema.safeParse(data);
  return parsed.success
    ? words(parsed.data)
    : { text: `${step} (its data break the contract)`, tone: "attention" };
}

/** Who or what wanted the run: "ana asked: fresh data", "triggered: drift …". */
export function acceptedText({ cause, requested_by, reasons }: Accepted): string {
  const why = joined(reasons);
  const after = why === "" ? "" : `: ${why}`;
  switch (cause) {
    case "manual":
      return `accepted because ${requested_by ?? "someone"} asked${after}`;
    case "first-deployment":
      return `accepted because nothing is live yet${after}`;
    case "schedule":
      return `accepted because it was due${after}`;
    case "escalation":
      return `accepted because a cheaper remedy was not enough${after}`;
    case "trigger":
      return `accepted because a trigger fired${after}`;
  }
}

/** "chronos-t5, context 180, 100 samples, temperature 1, top k 50": the family's own parameters come last. */
export function configText({
  model,
  context_length,
  num_samples,
  temperature,
  model_params = {},
}: Pick<Candidate, "model" | "model_params" | "context_length" | "num_samples" | "temperature">): string {
  const common = [
    `context ${context_length}`,
    count(num_samples, "sample"),
    `temperature ${figure(temperature)}`,
  ];
  return [model, ...common, ...ownText(model_params)].join(", ");
}

/** A family with its own parameters: "gbdt, leaves 16". */
export function modelText({ model, model_params = {} }: Pick<Candidate, "model" | "model_params">): string {
  return [model, ...ownText(model_params)].join(", ");
}

function ownText(params: NonNullable<Candidate["model_params"]>): string[] {
  return Object.entries(params).map(
    ([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "number" ? figure(value) : value}`,
  );
}

function searchedText(searched: Searched): string {
  const { strategy, metrics } = searched;
  if (strategy !== undefined) return strategySearchedText(strategy);
  return metrics === null ? "searched" : modelSearchedText({ ...searched, metrics });
}

function modelSearchedText({
  trials,
  candidate,
  metrics,
  optimization_time_seconds,
  baselines,
  fell_back,
}: Searched & { metrics: BacktestMetrics }): string {
  const failed = trials.filter((trial) => trial.rmse === null).length;
  const versus = versusLastValue(metrics.rmse, baselines["last-value"]?.rmse)?.words;
  const parts = [
    `${count(trials.length, "trial")} in ${span(optimization_time_seconds * 1000)}${failed > 0 ? `, ${failed} failed` : ""}`,
    `best RMSE ${figure(metrics.rmse)} (${configText(candidate)})`,
    ...(versus === undefined ? [] : [versus]),
    ...(fell_back ? ["fell back to the cheaper half of the space"] : []),
  ];
  return `searched: ${parts.join(", ")}`;
}

/** RMSE of champion and candidate: "RMSE 3.4 → 3.1, 8.8 % better"; of a strategy its return on the held-out prices. */
export function comparisonText({
  champion_metrics,
  candidate_metrics,
  strategies,
}: Validated): string | undefined {
  if (strategies !== undefined) return returnsText(strategies);
  if (champion_metrics === null || candidate_metrics === null) return undefined;
  const change = 1 - candidate_metrics.rmse / champion_metrics.rmse;
  const share = Number.isFinite(change)
    ? `, ${percent(Math.abs(change))} ${change >= 0 ? "better" : "worse"}`
    : "";
  return `RMSE ${figure(champion_metrics.rmse)} → ${figure(candidate_metrics.rmse)}${share}`;
}

/** "held-out return 1.2 % → 3.4 %" */
function returnsText([candidate, present]: readonly ComparedStrategy[]): string | undefined {
  if (candidate === undefined || present === undefined) return undefined;
  const returnOf = ({ held_out }: ComparedStrategy) => signedPercent(held_out.total_return);
  return `held-out return ${returnOf(present)} → ${returnOf(candidate)}`;
}

function approvedText(report: Validated): string {
  if (report.first_deployment) return "approved as the first deployment: there is nothing live to beat";
  const comparison = comparisonText(report);
  return comparison === undefined ? "approved" : `approved: ${comparison}`;
}

/** A rejection comes from the validator, from the shadow trial, or from a person on a held run. */
function rejectedWords(data: StepData): Words {
  const report = Validated.safeParse(data);
  if (report.success) {
    const { decided_by, note } = report.data.evidence;
    if (typeof decided_by === "string") {
      return {
        text: `rejected by ${decided_by}${typeof note === "string" ? `: ${note}` : ""}`,
        tone: "neutral",
      };
    }
    const failed = report.data.criteria
      .filter((criterion) => !criterion.passed)
      .map((criterion) => criterion.reason);
    const reasons = failed.length > 0 ? failed : report.data.reasons;
    return { text: `rejected: ${joined(reasons) || "no reason given"}`, tone: "neutral" };
  }
  const trial = Trialled.safeParse(data);
  if (trial.success)
    return { text: `rejected by the shadow trial: ${trialText(trial.data)}`, tone: "neutral" };
  const reasons = Array.isArray(data.reasons)
    ? data.reasons.filter((reason) => typeof reason === "string")
    : [];
  return { text: reasons.length > 0 ? `rejected: ${joined(reasons)}` : "rejected", tone: "neutral" };
}

function trialText({ outcome, comparison }: Trialled): string {
  const { pairs, champion_rmse, challenger_rmse } = comparison;
  const rmse = `RMSE ${figure(challenger_rmse)} against the champion's ${figure(champion_rmse)} on ${count(pairs, "pair")}`;
  const verdict = {
    promote: "promote the challenger",
    "keep-champion": "keep the champion",
    insufficient: "too few pairs to tell",
  }[outcome];
  return `${verdict}, ${rmse}`;
}

function trialledWords(trial: Trialled): Words {
  return {
    text: `shadow trial ended: ${trialText(trial)}`,
    tone: trial.outcome === "promote" ? "good" : "neutral",
  };
}

function deployedText({ config, previous, warnings }: Deployed): string {
  const first = config.version === 1 ? ", the first one" : "; nothing was live before";
  const after = previous === null ? first : ` in place of version ${previous.version}`;
  const warned = warnings.length === 0 ? "" : ` (${count(warnings.length, "warning")}: ${joined(warnings)})`;
  return `deployed as version ${config.version}${after}${warned}`;
}

function verifiedText({ config_version, checks, failed_checks }: Verified): string {
  return `verified: version ${config_version} held through ${count(checks, "check")}, ${failed_checks === 0 ? "none" : failed_checks} failed`;
}

function rolledBackText({ cause, reasons, from_version, restored, requested_by }: RolledBack): string {
  const to = restored === null ? "nothing (it was the first)" : `version ${restored.version}`;
  const who = cause === "manual" ? ` by ${requested_by ?? "a person"}` : "";
  const why = joined(reasons);
  return `rolled back${who} from version ${from_version} to ${to}${why === "" ? "" : `: ${why}`}`;
}

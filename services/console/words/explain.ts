import { Deployed, RolledBack, Verified } from "../../../shared/contracts/deployer.ts";
import { Searched } from "../../../shared/contracts/optimizer.ts";
import type { RunStep, RunSummary } from "../../../shared/contracts/run.ts";
import { Accepted } from "../../../shared/contracts/trigger.ts";
import { Validated } from "../../../shared/contracts/validator.ts";
import { acceptedLines, type Cause } from "./explain-cause.ts";
import { deployedLines, rolledBackLines, verifiedLines } from "./explain-deployment.ts";
import { searchedLines, validatedLines } from "./explain-search.ts";
import { full, moment, readable, sentence, span } from "./format.ts";
import { stepWords, type Tone } from "./steps.ts";

export type { Cause } from "./explain-cause.ts";

export interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

/** A run told from its events: what caused it, what was tried, what was decided and how it ended. */
export interface Explanation {
  readonly run_id: string;
  readonly forecaster: string;
  readonly state: string;
  readonly tone: Tone;
  readonly headline: string;
  readonly sections: readonly Section[];
}

const TITLES: Readonly<Partial<Record<RunStep["step"], string>>> = {
  accepted: "Why it ran",
  refused: "Why it did not run",
  searched: "What was tried",
  approved: "The verdict",
  rejected: "The verdict",
  held: "The verdict",
  trialled: "The shadow trial",
  deployed: "The deployment",
  verified: "The watch",
  "rolled-back": "The roll-back",
  failed: "The failure",
};

/** What a run that is not over waits for. */
const NEXT: Readonly<Partial<Record<RunStep["step"], string>>> = {
  accepted: "the search",
  searched: "the validator's verdict",
  held: "a person: retune approve",
  approved: "its deployment",
  trialled: "its deployment",
  deployed: "the end of its watch",
};

/**
 * Explains a run from its folded events and the events that caused it, and from nothing else: no clock, no
 * other source. `causes` are messages of DECISIONS by the sequences in `caused_by` of the first step; a
 * missing one is left out. Sequences in brackets are those of DECISIONS, so that each claim can be looked up.
 */
export function explain(run: RunSummary, causes: readonly Cause[]): Explanation {
  const sections = run.steps.map((step) => ({
    title: `${TITLES[step.step] ?? step.step} · ${moment(step.time)} · [${step.sequence}]`,
    lines: linesOf(step, causes).map(readable),
  }));
  const last = run.steps.at(-1)!;
  const { text, tone } = stepWords(last.step, last.data);
  const duration = span(Date.parse(run.updated_at) - Date.parse(run.started_at));
  const ending = run.terminal
    ? `The run ended as ${run.state}${run.steps.length > 1 ? ` after ${duration}` : ""}.`
    : `The run is not over: it waits for ${NEXT[run.state] ?? "its next step"}.`;
  return {
    run_id: run.run_id,
    forecaster: run.forecaster,
    state: run.state,
    tone: run.terminal ? tone : run.state === "held" ? "attention" : "progress",
    headline: `${run.forecaster}: ${full(text)}`,
    sections: [...sections, { title: "The end", lines: [ending] }],
  };
}

function linesOf(step: RunStep, causes: readonly Cause[]): readonly string[] {
  const { data } = step;
  switch (step.step) {
    case "accepted": {
      const accepted = Accepted.safeParse(data);
      if (accepted.success) return acceptedLines(accepted.data, causes);
      break;
    }
    case "searched": {
      const searched = Searched.safeParse(data);
      if (searched.success) return searchedLines(searched.data);
      break;
    }
    case "approved":
    case "rejected":
    case "held": {
      const report = Validated.safeParse(data);
      if (report.success) return [sentence(stepWords(step.step, data).text), ...validatedLines(report.data)];
      break;
    }
    case "deployed": {
      const report = Deployed.safeParse(data);
      if (report.success) return deployedLines(report.data);
      break;
    }
    case "verified": {
      const report = Verified.safeParse(data);
      if (report.success) return verifiedLines(report.data);
      break;
    }
    case "rolled-back": {
      const report = RolledBack.safeParse(data);
      if (report.success) return rolledBackLines(report.data);
      break;
    }
  }
  return [sentence(stepWords(step.step, data).text)];
}

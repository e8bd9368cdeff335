import type { PolicyOutcome, SimulationReport } from "../../../shared/contracts/simulation.ts";
import { count, figure, moment, percent, printable, span } from "../words/format.ts";
import { table, wrap } from "../words/table.ts";

/** What a policy stands for, in a few words. */
export const POLICY_WORDS: Readonly<Record<PolicyOutcome["policy"], string>> = {
  recorded: "what happened",
  configured: "the specs as they are",
  changed: "with the changed settings",
  never: "never retrain",
  nightly: "every night at 02:00",
  weekly: "every Sunday at 02:00",
};

/** How far the served error of a policy can be believed. */
export function basisWords({ served, diverged_at }: PolicyOutcome): string {
  if (served.scores === 0) return "no score";
  if (served.basis === "simulated") return "really forecast again";
  if (served.basis === "observed" || diverged_at === null) return "observed";
  return `not observed after ${moment(diverged_at)}: the error of what was served then`;
}

/** Policies side by side, a table for each forecaster, and what must be known to read them. */
export function whatIfText(report: SimulationReport, width: number): string {
  const parts = report.forecasters.map(({ forecaster, policies }) => {
    const columns = [
      { title: "POLICY" },
      { title: "RUNS", right: true },
      { title: "ALARMS", right: true },
      { title: "REFUSED", right: true },
      { title: "COMPUTE", right: true },
      { title: "RMSE", right: true },
      { title: "THE ERROR IS" },
    ];
    const rows = policies.map((outcome) => [
      outcome.policy,
      String(outcome.runs.length),
      String(outcome.alarms),
      String(outcome.refused),
      span(outcome.compute_s === null ? null : outcome.compute_s * 1000),
      figure(outcome.served.rmse),
      basisWords(outcome),
    ]);
    return `${printable(forecaster)}\n${table(columns, rows, width)}`;
  });
  const range =
    report.from === null || report.to === null
      ? "nothing recorded"
      : `${moment(report.from)} to ${moment(report.to)}`;
  const head = `${range}, ${count(report.forecasters.length, "forecaster")}, in ${span(report.seconds * 1000)}`;
  const changed = report.settings.length === 0 ? [] : [`changed: ${report.settings.join(", ")}`];
  const notes = report.notes.flatMap((note) => wrap(`Note: ${note}`, width));
  return [head, ...changed, "", parts.join("\n\n"), "", ...notes].join("\n").trimEnd();
}

/** How many recorded decisions came out the same, and each one that did not. */
export function verifyText(report: SimulationReport, width: number): string {
  const { decisions } = report;
  const by = Map.groupBy(decisions, ({ verdict }) => verdict);
  const reproduced = by.get("reproduced")?.length ?? 0;
  const told = [...(by.get("different") ?? []), ...(by.get("unverifiable") ?? [])].map(
    ({ sequence, subject, verdict, detail }) => [
      String(sequence),
      verdict,
      printable(subject),
      printable(detail ?? ""),
    ],
  );
  const columns = [
    { title: "SEQUENCE", right: true },
    { title: "VERDICT" },
    { title: "SUBJECT" },
    { title: "WHY" },
  ];
  const share = decisions.length === 0 ? "" : ` (${percent(reproduced / decisions.length)})`;
  return [
    ...(told.length === 0 ? [] : [table(columns, told, width), ""]),
    `${reproduced} of ${count(decisions.length, "recorded decision")} reproduced bit for bit${share}, in ${span(report.seconds * 1000)}`,
    ...report.notes.flatMap((note) => wrap(`Note: ${note}`, width)),
  ].join("\n");
}

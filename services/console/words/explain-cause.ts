import type { Accepted } from "../../../shared/contracts/trigger.ts";
import { type DetectorResult, Evaluated, RetrainRequest } from "../../../shared/contracts/trigger.ts";
import { count, figure, joined, sentence } from "./format.ts";

/** A message of DECISIONS that led to a run. `payload` is its parsed JSON. */
export interface Cause {
  readonly sequence: number;
  readonly subject: string;
  readonly payload: unknown;
}

/** Why a run was accepted: its cause, then the request or the detectors' figures it came from. */
export function acceptedLines(accepted: Accepted, causes: readonly Cause[]): readonly string[] {
  const told = [...causes.flatMap(detectorLines), ...requestLines(causes)];
  return [
    sentence(causeText(accepted)),
    // The detectors' own lines say what the reasons repeat.
    ...(told.length > 0 || accepted.reasons.length === 0
      ? []
      : [sentence(`reasons: ${joined(accepted.reasons)}`)]),
    ...told,
    ...(accepted.coalesced > 0 ? [`It also answers ${count(accepted.coalesced, "further request")}.`] : []),
    `Action ${accepted.action}, priority ${accepted.priority}.`,
  ];
}

function causeText({ cause, requested_by }: Accepted): string {
  switch (cause) {
    case "manual":
      return `${requested_by ?? "someone"} asked for it`;
    case "first-deployment":
      return "there was no live config yet, so the first one had to be found";
    case "schedule":
      return "it was due";
    case "escalation":
      return "a cheaper remedy was not enough";
    case "trigger":
      return "a trigger fired";
  }
}

function detectorLines({ sequence, subject, payload }: Cause): readonly string[] {
  if (!subject.startsWith("retrain.evaluated.")) return [];
  const evaluated = Evaluated.safeParse((payload as { data?: unknown } | null)?.data);
  return evaluated.success
    ? evaluated.data.detectors.map((detector) => `${detectorLine(detector)} [${sequence}]`)
    : [];
}

/** One line for the requests that say the same, however many there are. */
function requestLines(causes: readonly Cause[]): readonly string[] {
  const requests = causes.filter(({ subject }) => subject === "retrain.request");
  const said = ({ payload }: Cause) => {
    const request = RetrainRequest.safeParse(payload);
    const reason = request.success ? request.data.reason : undefined;
    return reason === undefined ? "gave no reason" : `said: ${reason}`;
  };
  return [...Map.groupBy(requests, said)].map(([text, same]) => {
    const { 0: first, length } = same;
    return length === 1
      ? `The request ${text} [${first!.sequence}].`
      : `${length} requests ${text} [${first!.sequence} to ${same.at(-1)!.sequence}].`;
  });
}

/** "Performance fired (medium): …; rmse recent 3.2, rmse baseline 2.1 against threshold 0.15." */
export function detectorLine({
  detector,
  fired,
  severity,
  reason,
  figures,
  thresholds,
}: DetectorResult): string {
  const verdict = fired === null ? "could not tell" : fired ? "fired" : "was calm";
  const level = severity === undefined ? "" : ` (${severity})`;
  const measured = entries(figures);
  const limits = entries(thresholds);
  const numbers = [measured, limits === "" ? "" : `${measured === "" ? "" : "against "}${limits}`].filter(
    (part) => part !== "",
  );
  return sentence(
    `${detector} ${verdict}${level}: ${[reason.replace(/\.$/, ""), numbers.join(" ")].filter((part) => part !== "").join("; ")}`,
  );
}

function entries(record: Readonly<Record<string, number | string | boolean | null>>): string {
  return Object.entries(record)
    .map(
      ([name, value]) =>
        `${name.replaceAll("_", " ")} ${typeof value === "number" || value === null ? figure(value) : value}`,
    )
    .join(", ");
}

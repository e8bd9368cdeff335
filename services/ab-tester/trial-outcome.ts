import type { Bus } from "../../shared/bus/bus.ts";
import type { Trialled } from "../../shared/contracts/ab-tester.ts";
import { CloudEvent, type StepData, stepType } from "../../shared/contracts/envelope.ts";
import { type Step, subjects } from "../../shared/contracts/subjects.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { UnavailableError } from "../../shared/errors.ts";
import { newEvent } from "../../shared/events.ts";
import { comparisonOf, type Verdict } from "./decide.ts";
import type { TestState } from "./state.ts";

export interface Origin {
  readonly atMs: number;
  readonly source: string;
  readonly codeVersion: string;
}

/**
 * The step that ends the shadow stage of a run: `trialled` where the challenger won, else `rejected` with the
 * report of the validation, now not approved, and the comparison as its evidence.
 */
export async function trialOutcome(
  bus: Pick<Bus, "lastMessage">,
  state: TestState,
  { outcome, reasons }: Verdict,
  { atMs, source, codeVersion }: Origin,
): Promise<{ step: Step; event: CloudEvent<StepData> }> {
  const { forecaster, run_id = "", champion, tally, min_scores, started_at } = state;
  const comparison = comparisonOf(tally);
  const trial = {
    run_id,
    forecaster,
    caused_by: state.caused_by,
    evidence: {
      code_version: codeVersion,
      champion,
      min_scores,
      telemetry: { first_sequence: tally.first_sequence, last_sequence: tally.sequence },
      comparison,
      reasons,
    },
    stage: "shadow" as const,
    outcome,
    comparison,
    candidate: state.challenger,
    started_at,
    ended_at: new Date(atMs).toISOString(),
  } satisfies Trialled;
  const event = (step: Step, data: StepData) =>
    newEvent({ source, type: stepType(step), subject: forecaster, timeMs: atMs, data });
  if (outcome === "promote") return { step: "trialled", event: event("trialled", trial) };
  const subject = subjects.step("approved", forecaster, run_id);
  const approval = await bus.lastMessage("DECISIONS", subject);
  if (approval === undefined) throw new UnavailableError(`'${subject}' of the run on trial is missing`);
  const report = Validated.parse(CloudEvent.parse(approval.json()).data);
  const rejected = { ...report, ...trial, approved: false, reasons: [...reasons] } satisfies Validated;
  return { step: "rejected", event: event("rejected", rejected) };
}

import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { type Step, subjects } from "../../../shared/contracts/subjects.ts";
import { DetectorResult, type Evaluated, type RetrainRequest } from "../../../shared/contracts/trigger.ts";
import type { ArbiterState } from "../state.ts";
import { decideEvaluated, decideRequests, decideTick } from "./arbiter.ts";
import { foldStep, type StoredStep } from "./following.ts";
import type { Circumstances, Decision } from "./verdict.ts";
import type { ManualRequest } from "./wish.ts";

const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;
/** A Wednesday. */
export const START_MS = Date.parse("2025-01-01T00:00:00Z");
export const RUN = "01900000-0000-7000-8000-000000000001";
const evidence = { code_version: "test" };

/** Forecaster `a` with the defaults and these settings of its trigger. */
export function specWith(trigger: object = {}): ForecasterSpec {
  return ForecasterSpec.parse({ forecaster: "a", series: "s", horizon: "7d", trigger });
}

export const spec = specWith();

/** The moment `days` after the start, under the defaults unless another spec is given. */
export function at(days: number, of: ForecasterSpec | undefined = spec): Circumstances {
  return { spec: of, atMs: START_MS + days * DAY_MS, machineMs: START_MS + days * DAY_MS, evidence };
}

export function asked(sequence: number, request: Partial<RetrainRequest> = {}): ManualRequest {
  return { sequence, storedMs: START_MS + sequence * MINUTE_MS, request: { action: "search", ...request } };
}

/** A person asks. */
export function person(state: ArbiterState, sequence: number, days: number, of = spec): Decision {
  return decideRequests(state, [asked(sequence, { requested_by: "ana" })], at(days, of));
}

/** An evaluation whose worst detector says medium; `parts` changes it. */
export function evaluated(
  state: ArbiterState,
  sequence: number,
  days: number,
  parts: Partial<Evaluated> = {},
  of = spec,
): Decision {
  const report: Evaluated = {
    forecaster: "a",
    caused_by: [],
    should_optimize: true,
    reasons: ["it is bad"],
    detectors: [detector("medium"), detector("high")],
    evidence,
    ...parts,
  };
  return decideEvaluated(state, report, { sequence, storedMs: START_MS + sequence }, at(days, of));
}

export function detector(severity: "low" | "medium" | "high"): DetectorResult {
  const verdict = { detector: "drift", fired: true, severity, reason: "", statistic: null, threshold: null };
  return DetectorResult.parse({ ...verdict, figures: {}, thresholds: {} });
}

export function tick(state: ArbiterState, days: number, of = spec): Decision {
  return decideTick(state, at(days, of));
}

/** The state after the run of a decision has ended. */
export function ended({ state }: Decision): ArbiterState {
  return foldStep(state, step("rejected", state.active!.run, 1_000));
}

/** A step as DECISIONS has it. */
export function step(
  name: Step,
  run: string,
  sequence: number,
  days = 0,
  data: Record<string, unknown> = {},
): StoredStep {
  const atMs = START_MS + days * DAY_MS;
  return {
    subject: subjects.step(name, "a", run),
    sequence,
    storedMs: atMs,
    event: {
      specversion: "1.0",
      id: run,
      source: "test",
      type: `dev.retune.retrain.${name}`,
      subject: "a",
      time: new Date(atMs).toISOString(),
      data: { run_id: run, forecaster: "a", caused_by: [], evidence, ...data },
    },
  };
}

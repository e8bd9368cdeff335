import { AbTestEvent } from "../../../shared/contracts/ab-tester.ts";
import { Alert } from "../../../shared/contracts/alerts.ts";
import type { CloudEvent, StepData } from "../../../shared/contracts/envelope.ts";
import { INCIDENT_RULE, IncidentCleared, IncidentRaised } from "../../../shared/contracts/incidents.ts";
import { parseStepSubject } from "../../../shared/contracts/subjects.ts";
import { type DetectorResult, Evaluated } from "../../../shared/contracts/trigger.ts";
import { count, joined, readable } from "./format.ts";
import { stepWords, type Words } from "./steps.ts";

/** What one message of DECISIONS says. */
export interface Described extends Words {
  readonly kind: string; // a step, evaluated, request, alert, test, other
  readonly forecaster: string | null;
  readonly run_id: string | null;
}

/**
 * Any message of DECISIONS in one sentence without a full stop. `payload` is its parsed JSON: a CloudEvent
 * everywhere but on `retrain.request`, where people write what they like.
 */
export function describeEvent(subject: string, payload: unknown): Described {
  const described = dispatch(subject, payload);
  return { ...described, text: readable(described.text) };
}

function dispatch(subject: string, payload: unknown): Described {
  const step = parseStepSubject(subject);
  const data = (payload as CloudEvent | null)?.data;
  if (step !== undefined) {
    const words = isObject(data) ? stepWords(step.step, data as StepData) : broken(step.step);
    return { ...words, kind: step.step, forecaster: step.forecaster, run_id: step.run };
  }
  const [root, verb, ...rest] = subject.split(".");
  if (root === "retrain" && verb === "request") return request(payload);
  if (root === "retrain" && verb === "evaluated") return evaluated(rest.join("."), data);
  if (root === "alert") return alert(verb ?? "", rest, data);
  if (root === "abtest") return test(verb ?? "", rest.join("."), data);
  return { text: `message on ${subject}`, tone: "neutral", kind: "other", forecaster: null, run_id: null };
}

function request(payload: unknown): Described {
  const body = isObject(payload) ? payload : {};
  const forecaster = typeof payload === "string" && payload !== "" ? payload : textOf(body.forecaster);
  const by = textOf(body.requested_by);
  const reason = textOf(body.reason);
  const text = `${by ?? "someone"} asked for a run${forecaster === undefined ? " of every forecaster" : ""}${reason === undefined ? "" : `: ${reason}`}`;
  return { text, tone: "neutral", kind: "request", forecaster: forecaster ?? null, run_id: null };
}

function evaluated(forecaster: string, data: unknown): Described {
  const parsed = Evaluated.safeParse(data);
  const base = { kind: "evaluated", forecaster, run_id: null } as const;
  if (!parsed.success) return { ...broken("evaluated"), ...base };
  const { detectors, should_optimize, reasons } = parsed.data;
  const names = detectors.map(detectorText).join(", ");
  return should_optimize
    ? { text: `evaluated, to be optimized: ${joined(reasons)}`, tone: "attention", ...base }
    : { text: `evaluated, all calm enough: ${names || "no detector is on"}`, tone: "neutral", ...base };
}

/** "performance calm", "drift fired", "drift cannot tell". */
export function detectorText({ detector, fired }: Pick<DetectorResult, "detector" | "fired">): string {
  return `${detector} ${fired === null ? "cannot tell" : fired ? "fired" : "calm"}`;
}

function alert(verb: string, rest: readonly string[], data: unknown): Described {
  if (rest[0] === INCIDENT_RULE) return incident(verb, rest[1] ?? "", data);
  const parsed = Alert.safeParse(data);
  const base = { kind: "alert", forecaster: null, run_id: null } as const;
  if (!parsed.success) return { ...broken(`alert ${rest.join(".")}`), ...base };
  const { rule, about, severity, message, run_id } = parsed.data;
  const where = { kind: "alert", forecaster: about, run_id: run_id ?? null } as const;
  if (verb === "cleared") return { text: `alert ${rule} cleared: ${message}`, tone: "good", ...where };
  return {
    text: `alert ${rule} (${severity}): ${message}`,
    tone: severity === "high" ? "bad" : "attention",
    ...where,
  };
}

function incident(verb: string, target: string, data: unknown): Described {
  const base = { kind: "alert", forecaster: target, run_id: null } as const;
  const raised = verb === "raised" ? IncidentRaised.safeParse(data).data : undefined;
  if (raised !== undefined) {
    const end = raised.to === null ? "on" : `to ${raised.to}`;
    const text = `incident raised by ${raised.by}, from ${raised.from} ${end}: ${raised.reason}`;
    return { text, tone: "attention", ...base };
  }
  const cleared = verb === "cleared" ? IncidentCleared.safeParse(data).data : undefined;
  if (cleared === undefined) return { ...broken(`incident ${verb}`), ...base };
  const end = cleared.to === undefined ? "" : ` at ${cleared.to}`;
  return { text: `incident ${cleared.incident} cleared${end}`, tone: "good", ...base };
}

function test(verb: string, name: string, data: unknown): Described {
  const parsed = AbTestEvent.safeParse(data);
  const base = { kind: "test", forecaster: null, run_id: null } as const;
  if (!parsed.success) return { ...broken(`test ${name} ${verb}`), ...base };
  const { test: details, comparison } = parsed.data;
  const pairs =
    verb === "measured" || verb === "concluded" ? `, ${count(comparison.pairs, "pair")} so far` : "";
  return {
    text: `shadow test ${details.test} ${verb}${pairs}`,
    tone: "neutral",
    ...base,
    forecaster: details.forecaster,
    run_id: details.run_id ?? null,
  };
}

function broken(what: string): Words {
  return { text: `${what} (its data break the contract)`, tone: "attention" };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

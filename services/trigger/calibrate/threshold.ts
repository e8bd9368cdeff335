import type { CalibratedDetector } from "../../../shared/contracts/calibration.ts";
import { durationMs } from "../../../shared/contracts/duration.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { type DetectorName, THRESHOLD_SETTINGS } from "../../../shared/contracts/spec-detectors.ts";
import { calibrateThreshold } from "../../../shared/statistics/calibrate-threshold.ts";
import { type Budget, budgetText } from "./budget.ts";
import { type History, layOut } from "./history.ts";
import { replay } from "./replay.ts";
import { type Source, sourceOf } from "./source.ts";
import type { Telemetry } from "./telemetry.ts";

/** Lengths of what a detector looks at that a history must hold, or it redraws the same few windows. */
const LEAST_SPANS = 3;
/** Digits a threshold is written with, rounded to the side of fewer alarms. */
const DIGITS = 4;
const SEED = 1;
const DAY_MS = 86_400_000;

/** What a calibration is made with besides the history. */
export interface Circumstances {
  /** The detector's part of the forecaster's budget, see `detectorBudget`. */
  readonly budget: Budget;
  readonly codeVersion: string;
  readonly nowMs: number;
}

/**
 * The threshold of one detector at which its false alarms on redrawn history stay within a budget (A-FUT-3), see
 * `calibrateThreshold`. Alarms within the spec's cool-down count once; confirmation is left out, which only lowers
 * their number. Nothing is read or written, and the same history gives the same threshold.
 *
 * `insufficient` with fewer than three times the time that the detector looks at, and where `calibrateThreshold` finds
 * too little.
 */
export function calibrateDetector(
  detector: DetectorName,
  telemetry: Telemetry,
  spec: ForecasterSpec,
  circumstances: Circumstances,
): CalibratedDetector {
  const source = sourceOf(detector, spec);
  const { setting } = THRESHOLD_SETTINGS[detector] ?? {};
  if ("why" in source) return { detector, verdict: "not-calibrated", reason: source.why };
  const now = settingNow(detector, spec);
  const base = { detector, setting: `trigger.${detector}.${setting}`, ...(now === undefined ? {} : { now }) };
  const history = layOut(telemetry, source, spec);
  if (history === undefined)
    return { ...base, verdict: "insufficient", reason: "nothing it looks at was recorded" };
  const told = { ...base, history: describe(history) };
  const found = thresholdOn(detector, history, source, spec, circumstances.budget);
  if (typeof found === "string") return { ...told, verdict: "insufficient", reason: found };
  const calibrated = written(detector, found.threshold);
  const refused = refusal(detector, calibrated, spec);
  if (refused !== undefined) return { ...told, verdict: "insufficient", reason: refused };
  const evidence = {
    detector,
    budget: budgetText(circumstances.budget),
    threshold: ceilTo(found.threshold),
    method: `seasonal block bootstrap, blocks of ${found.blockLength} steps, seasons of ${history.period}`,
    replicates: found.replicates,
    from: told.history.from,
    to: told.history.to,
    measured: Number(found.achieved.toPrecision(DIGITS)),
    calibrated_at: new Date(circumstances.nowMs).toISOString(),
    code_version: circumstances.codeVersion,
  };
  return { ...told, verdict: "calibrated", calibrated, evidence };
}

function thresholdOn(
  detector: DetectorName,
  history: History,
  source: Source,
  spec: ForecasterSpec,
  { alarms, perMs }: Budget,
) {
  const { series, period, times } = history;
  const lengthMs = times.at(-1)! - times[0]!;
  if (lengthMs < LEAST_SPANS * source.spanMs)
    return `${days(lengthMs)} of history, ${days(LEAST_SPANS * source.spanMs)} are needed: three times what it looks at`;
  const asItWas = replay(detector, history, [...series.keys()], source, spec);
  const count = asItWas.atMs.length;
  if (count < 2) return `${count} evaluations in ${days(lengthMs)} of history`;
  const everyMs = (asItWas.atMs.at(-1)! - asItWas.atMs[0]!) / (count - 1);
  const found = calibrateThreshold({
    history: series,
    period,
    statistics: (indexes) => replay(detector, history, indexes, source, spec).statistics,
    alarms,
    per: perMs / everyMs,
    coolDown: Math.max(1, Math.round(durationMs(spec.trigger.cooldown) / everyMs)),
    seed: SEED,
  });
  return found.threshold === null ? found.reason : found;
}

/** The setting of a detector's threshold, of its trial where asked for and set. */
export function settingNow(
  detector: DetectorName,
  { trigger }: ForecasterSpec,
  on: "force" | "trial" = "force",
): number | string | undefined {
  const name = THRESHOLD_SETTINGS[detector]?.setting;
  const settings: Readonly<Record<string, unknown>> =
    (on === "trial" ? trigger[detector].trial : trigger[detector]) ?? {};
  const value = name === undefined ? undefined : settings[name];
  return typeof value === "number" || typeof value === "string" ? value : undefined;
}

/** A threshold as its setting has it, rounded to the side of fewer alarms. */
export function written(detector: DetectorName, threshold: number): number | string {
  const { write } = THRESHOLD_SETTINGS[detector]!;
  const setting = write(ceilTo(threshold));
  if (typeof setting === "string" || write(2) > write(1)) return setting;
  return -ceilTo(-setting);
}

/** Rounded up to a few digits. */
function ceilTo(value: number): number {
  const rounded = Number(value.toPrecision(DIGITS));
  if (rounded >= value || value === 0) return rounded;
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - DIGITS + 1);
  return Number((rounded + unit).toPrecision(DIGITS));
}

/** Why the spec would not take a setting, undefined where it does. */
function refusal(detector: DetectorName, value: number | string, spec: ForecasterSpec): string | undefined {
  const name = THRESHOLD_SETTINGS[detector]!.setting;
  const trigger = { ...spec.trigger, [detector]: { ...spec.trigger[detector], [name]: value } };
  const parsed = ForecasterSpec.safeParse({ ...spec, trigger });
  if (parsed.success) return undefined;
  return `the budget allows a threshold of ${value}, which the setting does not: ${parsed.error.issues[0]!.message}`;
}

function describe({ fromMs, toMs, times }: History) {
  const iso = (ms: number) => new Date(ms).toISOString();
  return { from: iso(fromMs), to: iso(toMs), steps: times.length };
}

function days(ms: number): string {
  return `${Number((ms / DAY_MS).toFixed(1))} days`;
}

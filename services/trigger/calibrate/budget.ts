import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { DETECTORS, type DetectorName, falseAlarmBudget } from "../../../shared/contracts/spec-detectors.ts";
import { sourceOf } from "./source.ts";

const DAY_MS = 86_400_000;

/** False alarms allowed in a time. */
export interface Budget {
  readonly alarms: number;
  readonly perMs: number;
}

/** `1 per 90d` in numbers. */
export function budgetOf(text: string): Budget {
  const { alarms, per } = falseAlarmBudget(text);
  return { alarms, perMs: durationMs(per) };
}

/** A budget as a spec writes it, in days. */
export function budgetText({ alarms, perMs }: Budget): string {
  return `${alarms} per ${Number((perMs / DAY_MS).toFixed(6))}d`;
}

/** Enabled detectors that have a say in the combination. */
export function heardDetectors({ trigger }: ForecasterSpec): DetectorName[] {
  const named = typeof trigger.combine === "string" ? undefined : trigger.combine.of;
  return DETECTORS.filter((name) => trigger[name].enabled && (named?.includes(name) ?? true));
}

/**
 * Each detector's part of a forecaster's budget, so that the forecaster keeps it however its detectors depend on each
 * other. An alarm takes k detectors that fire together (any: 1, all: every one). With n detectors that get a
 * threshold, and m that fire for reasons of their own and might do so all the time, each gets
 *
 *     budget · max(1, k − m) / n,   never more than the budget
 *
 * since alarms that take k' of n detectors come at most 1/k' times as often as those of all n together (Bonferroni for
 * k' = 1, Markov's inequality on the number that fire for more).
 */
export function detectorBudget(budget: Budget, spec: ForecasterSpec): Budget {
  const heard = heardDetectors(spec);
  const calibrated = heard.filter((name) => !("why" in sourceOf(name, spec))).length;
  const { combine } = spec.trigger;
  const needed = combine === "any" ? 1 : combine === "all" ? heard.length : combine.at_least;
  const share = Math.max(1, needed - (heard.length - calibrated)) / Math.max(1, calibrated);
  return { alarms: budget.alarms, perMs: budget.perMs / Math.min(1, share) };
}

import type { DriftTier, UnknownTier } from "../../shared/contracts/fleet-monitor.ts";

/** Predictions a window needs before its rate is judged: one in twenty is 5 %. */
export const LEAST_PREDICTIONS = 20;

/**
 * Tier of a fleet drift `changed / known`, in whole numbers, so that 7 of 20 is 35 % and nothing else. (C-FLT-1)
 *
 *     none < 10 % <= low < 20 % <= medium <= 35 % < high        null while nothing is known
 */
export function driftTier(changed: number, known: number): DriftTier | null {
  if (known === 0) return null;
  if (100 * changed < 10 * known) return "none";
  if (100 * changed < 20 * known) return "low";
  return 100 * changed <= 35 * known ? "medium" : "high";
}

/**
 * Tier of the rate `unknown / all`, in whole numbers. (C-FLT-2)
 *
 *     fine < 5 % <= warning <= 15 % < critical        null below LEAST_PREDICTIONS
 */
export function unknownTier({ all, unknown }: { all: number; unknown: number }): UnknownTier | null {
  if (all < LEAST_PREDICTIONS) return null;
  if (100 * unknown < 5 * all) return "fine";
  return 100 * unknown <= 15 * all ? "warning" : "critical";
}

const BADNESS: readonly (UnknownTier | null)[] = [null, "fine", "warning", "critical"];

/** The worse of two tiers; one that is null says nothing. */
export function worse(a: UnknownTier | null, b: UnknownTier | null): UnknownTier | null {
  return BADNESS[Math.max(BADNESS.indexOf(a), BADNESS.indexOf(b))]!;
}

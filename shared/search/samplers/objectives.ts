import { quantileOfSorted } from "../../statistics/sample.ts";
import type { Observation } from "./sampler.ts";

export function isFiniteObservation(
  observation: Observation,
): observation is Observation & { readonly objective: number } {
  return observation.objective !== null && Number.isFinite(observation.objective);
}

/** Best first; failed trials last; of equals the earlier trial. */
export function rankObservations(observations: readonly Observation[]): Observation[] {
  const loss = (each: Observation) => (isFiniteObservation(each) ? each.objective : Number.POSITIVE_INFINITY);
  return observations.toSorted((a, b) => {
    const [x, y] = [loss(a), loss(b)];
    return x < y ? -1 : x > y ? 1 : a.number - b.number;
  });
}

/** Beyond this quantile objectives say no more than "bad": one enormous loss would flatten all the others. */
const WINSORISED_ABOVE = 0.9;

/**
 * Objectives of mean 0 and standard deviation 1. Those above the 90th percentile are lowered to it, failed trials count
 * as that much. All 0 where they do not differ.
 */
export function standardisedObjectives(observations: readonly Observation[]): Float64Array {
  const finite = observations.filter(isFiniteObservation).map(({ objective }) => objective);
  if (finite.length === 0) return new Float64Array(observations.length);
  const cap = quantileOfSorted(Float64Array.from(finite).sort(), WINSORISED_ABOVE);
  const capped = Float64Array.from(observations, (each) =>
    isFiniteObservation(each) ? Math.min(each.objective, cap) : cap,
  );
  const mean = capped.reduce((sum, value) => sum + value, 0) / capped.length;
  const std = Math.sqrt(capped.reduce((sum, value) => sum + (value - mean) ** 2, 0) / capped.length);
  return capped.map((value) => (std > 1e-12 * Math.abs(mean) ? (value - mean) / std : 0));
}

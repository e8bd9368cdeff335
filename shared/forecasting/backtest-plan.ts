import { InvalidInputError } from "../errors.ts";

/** Steps that must lie before the first cutoff, itself included. */
export const MIN_TRAINING = 8;

/** Which forecasts a walk-forward backtest makes. */
export interface BacktestPlan {
  /** per window the index of the last point its forecast may see, in any order */
  readonly cutoffs: readonly number[];
  /** steps; a window near the end has fewer targets than this */
  readonly horizon: number;
  /** index of the first point that must not be looked at, as a target neither; the end of the series unless told */
  readonly scoreEnd?: number | undefined;
  /** index of the first step that the MASE's scale does not look at; the one after the earliest cutoff unless told */
  readonly scaleEnd?: number | undefined;
}

/**
 * Windows whose targets lie in the last `testPoints` points of a series: the first sees everything before them, each
 * next one `stepSize` points more, the last leaves at least one target.
 *
 * @param length points in the series
 * @throws {InvalidInputError} when fewer than 8 points would lie before the first target, or a number is no
 *   positive integer
 */
export function planBacktest(
  length: number,
  horizon: number,
  testPoints: number,
  stepSize = 1,
): BacktestPlan {
  for (const [name, value] of Object.entries({ horizon, testPoints, stepSize })) {
    if (!Number.isInteger(value) || value < 1)
      throw new InvalidInputError(`${name} is ${value}, expected a positive integer`);
  }
  if (length - testPoints < MIN_TRAINING) {
    throw new InvalidInputError(
      `a series of ${length} points is too short for a backtest on its last ${testPoints}: needs ${MIN_TRAINING} before them`,
    );
  }
  const cutoffs: number[] = [];
  for (let cutoff = length - testPoints - 1; cutoff < length - 1; cutoff += stepSize) cutoffs.push(cutoff);
  return { cutoffs, horizon };
}

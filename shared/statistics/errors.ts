/**
 * Error measures. An error is forecast minus actual, in the unit of the series. Every measure of no values at
 * all is NaN ("cannot tell"), never 0 ("perfect"); a NaN among the values makes the result NaN.
 */

/** Root mean squared error, √(Σ e² / n), in the unit of the series. NaN for no errors. */
export function rmse(errors: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < errors.length; i += 1) squares += errors[i]! ** 2;
  return Math.sqrt(squares / errors.length);
}

/** Mean absolute error, Σ |e| / n, in the unit of the series. NaN for no errors. */
export function mae(errors: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < errors.length; i += 1) total += Math.abs(errors[i]!);
  return total / errors.length;
}

/** Mean error (bias), Σ e / n: positive where forecasts are too high. NaN for no errors. */
export function meanError(errors: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < errors.length; i += 1) total += errors[i]!;
  return total / errors.length;
}

/** Population standard deviation of the errors, √(Σ (e − ē)² / n), in the unit of the series. NaN for no errors. */
export function errorStd(errors: ArrayLike<number>): number {
  const mean = meanError(errors);
  let squares = 0;
  for (let i = 0; i < errors.length; i += 1) squares += (errors[i]! - mean) ** 2;
  return Math.sqrt(squares / errors.length);
}

/**
 * Mean absolute percentage error, 100 · Σ |(f − a) / a| / n, in percent. Steps whose actual is 0 are skipped.
 *
 * @returns null where no step with an actual other than 0 is left
 * @throws {RangeError} when the lengths differ
 */
export function mape(actual: ArrayLike<number>, forecast: ArrayLike<number>): number | null {
  requireLength(actual, forecast, "forecasts");
  let total = 0;
  let count = 0;
  for (let i = 0; i < actual.length; i += 1) {
    const truth = actual[i]!;
    if (truth === 0) continue;
    total += Math.abs((forecast[i]! - truth) / truth);
    count += 1;
  }
  return count > 0 ? (100 * total) / count : null;
}

/**
 * In-sample mean absolute error of the seasonal naive forecast, Σ_{t>m} |x_t − x_{t−m}| / (n − m): what MASE
 * divides by. Pairs with a missing value (NaN) are left out.
 *
 * @param history      values in the unit of the series, oldest first, one a step
 * @param seasonLength m in steps; 1 gives the last-value forecast
 * @returns NaN where no pair m steps apart exists, 0 for a history that repeats itself exactly
 *
 * Source: Hyndman & Koehler, "Another look at measures of forecast accuracy", Int. J. Forecasting 22 (2006).
 */
export function naiveScale(history: ArrayLike<number>, seasonLength: number): number {
  let total = 0;
  let pairs = 0;
  for (let t = seasonLength; t < history.length; t += 1) {
    const difference = Math.abs(history[t]! - history[t - seasonLength]!);
    if (Number.isNaN(difference)) continue;
    total += difference;
    pairs += 1;
  }
  return total / pairs;
}

/**
 * Mean pinball (quantile) loss of one quantile level q over all steps,
 *
 *     Σ max(q · (a − f), (q − 1) · (a − f)) / n
 *
 * in the unit of the series; at q = 0.5 half the mean absolute error. NaN for no steps.
 *
 * @param level q in (0, 1)
 * @throws {RangeError} when the lengths differ or the level is outside (0, 1)
 *
 * Source: Koenker & Bassett, "Regression quantiles", Econometrica 46 (1978).
 */
export function pinballLoss(
  actual: ArrayLike<number>,
  quantileForecast: ArrayLike<number>,
  level: number,
): number {
  requireLength(actual, quantileForecast, "quantile forecasts");
  if (!(level > 0 && level < 1)) throw new RangeError(`a quantile level lies in (0, 1) but got ${level}`);
  let total = 0;
  for (let i = 0; i < actual.length; i += 1) {
    const above = actual[i]! - quantileForecast[i]!;
    total += Math.max(level * above, (level - 1) * above);
  }
  return total / actual.length;
}

function requireLength(actual: ArrayLike<number>, other: ArrayLike<number>, name: string): void {
  if (actual.length !== other.length)
    throw new RangeError(`${actual.length} actuals do not pair with ${other.length} ${name}`);
}

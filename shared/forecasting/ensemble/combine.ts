import { NINE_LEVELS, type QuantileForecast } from "../quantile-forecast.ts";
import { quantileFunction } from "../quantile-function.ts";

/** A law at the nine levels, by `quantileFunction` where it has others. */
export function atNineLevels({ levels, horizon, values }: QuantileForecast): Float64Array {
  if (levels.length === NINE_LEVELS.length && levels.every((level, k) => level === NINE_LEVELS[k]))
    return values;
  const width = NINE_LEVELS.length;
  const result = new Float64Array(horizon * width);
  for (let h = 0; h < horizon; h += 1) {
    const quantile = quantileFunction(levels, values.subarray(h * levels.length, (h + 1) * levels.length));
    NINE_LEVELS.forEach((level, k) => {
      result[h * width + k] = quantile(level);
    });
  }
  return result;
}

/**
 * The weighted average of forecasts, quantile by quantile, which keeps the shape of laws that differ in place alone,
 * where an average of probabilities would be wider than each.
 *
 * @param forecasts of one series, not empty, of one horizon
 * @param weights   per forecast, not negative, with some above 0; they need not sum to one
 *
 * Source: Lichtendahl, Grushka-Cockayne & Winkler, "Is it better to average probabilities or quantiles?", Management
 * Science 59 (2013).
 */
export function averageQuantiles(
  forecasts: readonly QuantileForecast[],
  weights: readonly number[],
): QuantileForecast {
  const { horizon } = forecasts[0]!;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const values = new Float64Array(horizon * NINE_LEVELS.length);
  forecasts.forEach((forecast, m) => {
    const share = weights[m]! / total;
    atNineLevels(forecast).forEach((value, i) => {
      values[i]! += share * value;
    });
  });
  return { levels: NINE_LEVELS, horizon, values };
}

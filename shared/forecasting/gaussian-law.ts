import { normalQuantile } from "./normal.ts";
import { NINE_LEVELS, type QuantileForecast } from "./quantile-forecast.ts";

const SCORES = NINE_LEVELS.map(normalQuantile);

/**
 * The nine quantiles of a Gaussian law for each step ahead, from which `quantileFunction` gives back all others.
 *
 * @param means [horizon], unit of the series
 * @param sds   [horizon], unit of the series, not negative
 */
export function gaussianLaw(means: ArrayLike<number>, sds: ArrayLike<number>): QuantileForecast {
  const values = new Float64Array(means.length * SCORES.length);
  for (let h = 0; h < means.length; h += 1) {
    SCORES.forEach((score, k) => {
      values[h * SCORES.length + k] = means[h]! + sds[h]! * score;
    });
  }
  return { levels: NINE_LEVELS, horizon: means.length, values };
}

/** As `gaussianLaw`, from variances, each multiplied by `inflation`. */
export function gaussianLawOf(
  { means, variances }: { readonly means: Float64Array; readonly variances: Float64Array },
  inflation: number,
): QuantileForecast {
  return gaussianLaw(
    means,
    variances.map((variance) => Math.sqrt(inflation * variance)),
  );
}

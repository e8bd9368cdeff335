/** The standard normal law; its quantiles are in `shared/forecasting/normal.ts`. */

const NUMERATOR = [
  3.52624965998911e-2, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
  221.213596169931, 220.206867912376,
];
const DENOMINATOR = [
  8.83883476483184e-2, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674,
  637.333633378831, 793.826512519948, 440.413735824752,
];
const SQRT_2_PI = Math.sqrt(2 * Math.PI);

/** φ(z) = exp(−z²/2) / √(2π). */
export function normalDensity(z: number): number {
  return Math.exp(-0.5 * z * z) / SQRT_2_PI;
}

/**
 * Φ(z), the probability of a draw below z, to about 15 decimals.
 *
 * Source: G. West, "Better approximations to cumulative normal functions", Wilmott (2005), after J. F. Hart (1968).
 */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) return Number.NaN;
  const x = Math.abs(z);
  const tail = x > 38 ? 0 : Math.exp(-0.5 * x * x) * (x < 7.07106781186547 ? hart(x) : fraction(x));
  return z > 0 ? 1 - tail : tail;
}

function hart(x: number): number {
  const polynomial = (coefficients: readonly number[]) => coefficients.reduce((sum, c) => sum * x + c, 0);
  return polynomial(NUMERATOR) / polynomial(DENOMINATOR);
}

function fraction(x: number): number {
  return 1 / ((x + 1 / (x + 2 / (x + 3 / (x + 4 / (x + 0.65))))) * SQRT_2_PI);
}

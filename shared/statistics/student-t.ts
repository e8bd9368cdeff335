import { normalQuantile } from "../forecasting/normal.ts";

/**
 * P(T ≤ t) of Student's law with a whole number of degrees of freedom, as a finite sum in θ = atan(t / √ν).
 *
 * @throws {RangeError} when the degrees of freedom are no positive integer
 *
 * Source: M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.7.3 and 26.7.4.
 */
export function studentTCdf(t: number, degrees: number): number {
  requireDegrees(degrees);
  const theta = Math.atan(t / Math.sqrt(degrees));
  const squared = Math.cos(theta) ** 2;
  const odd = degrees % 2 === 1;
  let term = odd ? Math.cos(theta) : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < degrees; k += 2) {
    term *= (squared * (k - 1)) / k;
    sum += term;
  }
  const within = odd ? (2 / Math.PI) * (theta + Math.sin(theta) * sum) : Math.sin(theta) * sum;
  return 0.5 + within / 2;
}

/**
 * The t with P(T ≤ t) = p, to about twelve digits: bisection of `studentTCdf`. ∓∞ at 0 and 1.
 *
 * @throws {RangeError} as `studentTCdf`, and when p is outside 0 … 1
 */
export function studentTQuantile(p: number, degrees: number): number {
  requireDegrees(degrees);
  if (!(p >= 0 && p <= 1)) throw new RangeError(`p is ${p}, expected 0 … 1`);
  if (p < 0.5) return -studentTQuantile(1 - p, degrees);
  if (p === 1) return Number.POSITIVE_INFINITY;
  // Student's quantiles lie beyond the normal ones.
  let low = Math.max(0, normalQuantile(p) * (1 - 1e-8));
  let high = Math.max(1, 2 * low);
  while (studentTCdf(high, degrees) < p) high *= 2;
  while (high - low > 1e-13 * high) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (studentTCdf(middle, degrees) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function requireDegrees(degrees: number): void {
  if (!Number.isInteger(degrees) || degrees < 1)
    throw new RangeError(`degrees of freedom are ${degrees}, expected a positive integer`);
}

export interface PageHinkleyParams {
  /** δ, the drift that is allowed for, in the unit of the values */
  readonly delta: number;
  /** λ at which it alarms, in the unit of the values */
  readonly threshold: number;
  /** no alarm before that many values since the last restart */
  readonly minInstances: number;
  /** share of the past sums that is kept at each value; 1 forgets nothing */
  readonly alpha: number;
  readonly direction: "up" | "down" | "both";
}

/** Plain numbers: it lives in a JSON state. */
export interface PageHinkleyState {
  /** values since the last restart */
  readonly count: number;
  readonly mean: number;
  readonly rise: number;
  readonly lowestRise: number;
  readonly fall: number;
  readonly highestFall: number;
}

export interface PageHinkleyStep {
  readonly state: PageHinkleyState;
  /** how far the sum has left its extreme on the watched side, unit of the values; 0 at least */
  readonly statistic: number;
  readonly alarm: boolean;
}

/** Defaults of River's detector, for values with a standard deviation near 1. */
export const PAGE_HINKLEY_DEFAULTS: PageHinkleyParams = {
  delta: 0.005,
  threshold: 50,
  minInstances: 30,
  alpha: 0.9999,
  direction: "both",
};

export function initialPageHinkley(): PageHinkleyState {
  return { count: 0, mean: 0, rise: 0, lowestRise: 0, fall: 0, highestFall: 0 };
}

/**
 * Page–Hinkley test: one more value of a stream whose mean may rise or fall,
 *
 *     U_t = α U_{t−1} + (x_t − x̄_t − δ)      alarm when U_t − min U > λ   (up)
 *     L_t = α L_{t−1} + (x_t − x̄_t + δ)      alarm when max L − L_t > λ   (down)
 *
 * x̄_t is the mean since the last restart, and extremes are taken over the same values. After an alarm the next
 * value starts anew, so that a lasting shift alarms once. δ and λ have the unit of the values: divide by a reference
 * standard deviation first. O(1) time and memory.
 *
 * @throws {RangeError} for NaN or an infinity, which would poison every later sum
 *
 * Sources: Page, "Continuous inspection schemes", Biometrika 41 (1954); Hinkley, "Inference about the change-point
 * from cumulative sum tests", Biometrika 58 (1971). Forgetting α as in River's `PageHinkley`.
 */
export function updatePageHinkley(
  state: PageHinkleyState,
  value: number,
  params: PageHinkleyParams,
): PageHinkleyStep {
  if (!Number.isFinite(value)) throw new RangeError(`Page-Hinkley takes finite values but got ${value}`);
  const { delta, threshold, minInstances, alpha, direction } = params;
  const count = state.count + 1;
  const mean = state.mean + (value - state.mean) / count;
  const rise = alpha * state.rise + value - mean - delta;
  const fall = alpha * state.fall + value - mean + delta;
  const lowestRise = count === 1 ? rise : Math.min(state.lowestRise, rise);
  const highestFall = count === 1 ? fall : Math.max(state.highestFall, fall);
  const up = direction === "down" ? 0 : rise - lowestRise;
  const down = direction === "up" ? 0 : highestFall - fall;
  const statistic = Math.max(up, down);
  const alarm = count >= minInstances && statistic > threshold;
  const next = alarm ? initialPageHinkley() : { count, mean, rise, lowestRise, fall, highestFall };
  return { state: next, statistic, alarm };
}

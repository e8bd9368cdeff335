/** Where a window is measured from and in what unit, so that one set of weights serves all levels and sizes. */
export interface Anchor {
  /** unit of the series */
  readonly loc: number;
  /** unit of the series, 0 for a constant window */
  readonly scale: number;
}

/**
 * `last`: the last value and the mean absolute change from step to step, as NLinear, for series that wander. `mean`:
 * mean and standard deviation, as RLinear, for series that return to a level.
 *
 * Sources: Zeng et al., "Are transformers effective for time series forecasting?" (2023) for NLinear; Li et al.,
 * "Revisiting long-term time series forecasting: an investigation on linear mapping" (2023) for RLinear.
 */
export type Normalisation = "last" | "mean";

/** Below this a scale counts as this, so that constant windows divide 0 by something. */
export const LEAST_SCALE = 1e-30;

/**
 * The anchor of a window; the graph that `linearGraph` writes computes the same.
 *
 * @param window NaN for missing; where the last value is, `last` is measured from the mean of the observed ones
 */
export function anchorOf(window: ArrayLike<number>, normalisation: Normalisation): Anchor {
  let sum = 0;
  let observed = 0;
  let changes = 0;
  let pairs = 0;
  for (let t = 0; t < window.length; t += 1) {
    const value = window[t]!;
    if (!Number.isNaN(value)) {
      sum += value;
      observed += 1;
    }
    const change = t > 0 ? Math.abs(value - window[t - 1]!) : Number.NaN;
    if (!Number.isNaN(change)) {
      changes += change;
      pairs += 1;
    }
  }
  const mean = sum / Math.max(1, observed);
  if (normalisation === "last") {
    const last = window[window.length - 1]!;
    return { loc: Number.isNaN(last) ? mean : last, scale: changes / Math.max(1, pairs) };
  }
  let squares = 0;
  for (let t = 0; t < window.length; t += 1)
    if (!Number.isNaN(window[t]!)) squares += (window[t]! - mean) ** 2;
  return { loc: mean, scale: Math.sqrt(squares / Math.max(1, observed)) };
}

/** A value as the model sees it: (x − loc) / scale. */
export function normalised(value: number, { loc, scale }: Anchor): number {
  return (value - loc) / Math.max(scale, LEAST_SCALE);
}

import { type MarketHistory, marketScale } from "./features.ts";

/** What a series holds: prices, or changes of something from step to step, such as returns. */
export type SignalValues = "price" | "change";

/** Of the root mean square change that an average move of a path of changes gets, so that it is no overflow. */
const USUAL_MOVE = 0.01;

/** A series as the features see it: a path of prices. */
export interface PricePath extends MarketHistory {
  /** [bars] 1 where the step to the bar was observed: both its prices, or the change itself; else 0 */
  readonly changeKnown: Uint8Array;
  /** what a move of 1 of the path's logarithm is in the unit of a change series; 1 for prices */
  readonly unit: number;
}

/**
 * Prices with gaps filled by the price before, or the path that changes add up to, a missing one being none. Used for
 * training and serving alike; nothing after a bar changes the path up to it, except the unit of changes, which no
 * feature depends on.
 *
 * @param values oldest first, NaN for missing
 */
export function pricePath(values: ArrayLike<number>, kind: SignalValues): PricePath {
  const close = new Float64Array(values.length);
  const observed = (t: number) => t >= 0 && !Number.isNaN(values[t]!);
  const changeKnown = Uint8Array.from({ length: values.length }, (_, t) =>
    Number(observed(t) && (kind === "change" || observed(t - 1))),
  );
  if (kind === "price") {
    let last = Number.NaN;
    for (let t = 0; t < values.length; t += 1) {
      if (!Number.isNaN(values[t]!)) last = values[t]!;
      close[t] = last;
    }
    return { close, changeKnown, unit: 1 };
  }
  let [squares, count] = [0, 0];
  for (let t = 0; t < values.length; t += 1) {
    if (Number.isNaN(values[t]!)) continue;
    squares += values[t]! ** 2;
    count += 1;
  }
  const unit = (Math.sqrt(squares / count) || 1) / USUAL_MOVE;
  let sum = 0;
  for (let t = 0; t < values.length; t += 1) {
    if (!Number.isNaN(values[t]!)) sum += values[t]! / unit;
    close[t] = Math.exp(sum);
  }
  return { close, changeKnown, unit };
}

/**
 * The size a move `steps` ahead usually has at bar `t`, in the logarithm of the price or the unit of the changes: the
 * scale of the newest 24 changes (see `marketScale`), times √steps for a price. Of a path that does not move it is 0, and
 * so it is where there are no 24 bars before.
 *
 * @param reach bars up to `t` that are looked at
 */
export function usualMove(
  path: PricePath,
  t: number,
  steps: number,
  kind: SignalValues,
  reach: number,
): number {
  const scale = marketScale(path, t, reach);
  if (Number.isNaN(scale)) return 0;
  return kind === "price" ? scale * Math.sqrt(steps) : scale * path.unit;
}

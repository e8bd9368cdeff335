import { InvalidInputError } from "../errors.ts";

/**
 * Prices on a grid of steps, oldest first, all equally long. A bar is what happened in the step that ends at its time;
 * a bar without a price is NaN in all four.
 */
export interface Bars {
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
}

/** Bars of which only the close is known: it stands for all four, so an order of the bar is filled at its close. */
export function barsOfCloses(close: Float64Array): Bars {
  return checkedBars({ close });
}

/**
 * Bars made fit for a backtest. A bar without a close has no price; without an open, high or low the close stands for
 * it. Where feeds contradict themselves (a low above the open, as daily bars of exchange rates often have) the range is
 * widened until open and close lie in it: that makes stops more likely to be hit, not less.
 *
 * @throws {InvalidInputError} for lengths that differ and for prices that are infinite or not above 0
 */
export function checkedBars(
  given: Pick<Bars, "close"> & { readonly [K in "open" | "high" | "low"]?: Float64Array | undefined },
): Bars {
  const { close } = given;
  const count = close.length;
  const bars = {
    open: new Float64Array(count),
    high: new Float64Array(count),
    low: new Float64Array(count),
    close: Float64Array.from(close),
  };
  for (const [field, prices] of Object.entries(given)) {
    if (prices === undefined) continue;
    if (prices.length !== count)
      throw new InvalidInputError(`${field} has ${prices.length} bars, expected ${count}, as many as close`);
    const bad = prices.findIndex((price) => price <= 0 || price === Infinity);
    if (bad >= 0)
      throw new InvalidInputError(
        `${field} of bar ${bad} is ${prices[bad]}, expected a price above 0 or NaN`,
      );
  }
  for (let t = 0; t < count; t += 1) {
    const last = close[t]!;
    const or = (price: number | undefined) =>
      price === undefined || Number.isNaN(price) || Number.isNaN(last) ? last : price;
    const open = or(given.open?.[t]);
    bars.open[t] = open;
    bars.high[t] = Math.max(open, last, or(given.high?.[t]));
    bars.low[t] = Math.min(open, last, or(given.low?.[t]));
  }
  return bars;
}

/** Whether anything was traded in the bar. */
export function hasPrice(bars: Bars, t: number): boolean {
  return !Number.isNaN(bars.close[t]!);
}

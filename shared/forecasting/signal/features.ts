import type { StepGrid } from "../quantile-forecast.ts";
import { type CalendarField, calendarFields, calendarValue } from "../tabular/calendar.ts";

/** Bars of the past, oldest first, equally long; NaN for missing. */
export interface MarketHistory {
  readonly close: Float64Array;
  readonly high?: Float64Array | undefined;
  readonly low?: Float64Array | undefined;
  readonly volume?: Float64Array | undefined;
  /** 1 where the change from the bar before is known, 0 where a gap was filled; absent where gaps are NaN */
  readonly changeKnown?: Uint8Array | undefined;
}

const RETURNS = [1, 2, 3, 6, 12, 24] as const;
const STRENGTH = 14;
const SCALE = 24;
/** Fewer known changes than this tell less of a scale than filled ones. */
const LEAST_KNOWN = 6;

/** Bars of the past that a row looks at where nobody says otherwise, its own included. */
export const SIGNAL_REACH = 73;
/** Fewer do not tell how much a price moves. */
export const LEAST_REACH = SCALE + 2;

/**
 * Names of a row's features, in order. With p the logarithm of the close, r its changes and σ_n their root mean square
 * over n bars, n being 6, 24 or `long`, which is all that a row looks at:
 *
 *     return_k            (p_t − p_{t−k}) / (σ_24 √k)
 *     from_mean_n         (p_t − mean of the last n p) / (σ_24 √n)
 *     volatility_6_24     σ_6 / σ_24, volatility_24_long likewise
 *     strength_14         gains / (gains + losses) over 14 bars: Cutler's relative strength index, 0 … 1
 *     place_n             (p_t − min) / (max − min) over n bars
 *     autocorrelation_24  Σ r_i r_{i−1} / (24 σ_24²): whether moves go on or turn back
 *     up_share_12         share of rising bars
 *     range, place_in_bar (ln high − ln low) / σ_24 and where the close lies between them; with high and low
 *     volume_24           (v_t − mean) / standard deviation over 24 bars; with volume
 *
 * and what the clock and the calendar say. Where gaps are filled, σ_24 is that of `marketScale`, so that filled bars do
 * not count as calm ones. All are free of the price's unit. A feature is NaN where a bar it needs is
 * missing, and where it would divide by 0.
 */
export function signalFeatureNames(
  history: Pick<MarketHistory, "high" | "low" | "volume">,
  calendar: readonly CalendarField[],
): string[] {
  return [
    ...RETURNS.map((k) => `return_${k}`),
    "from_mean_6",
    "from_mean_24",
    "from_mean_long",
    "volatility_6_24",
    "volatility_24_long",
    `strength_${STRENGTH}`,
    "place_24",
    "place_long",
    "autocorrelation_24",
    "up_share_12",
    ...(history.high === undefined || history.low === undefined ? [] : ["range", "place_in_bar"]),
    ...(history.volume === undefined ? [] : ["volume_24"]),
    ...calendar,
  ];
}

/** The calendar's part of the features: fields that come round at least twice in the history. */
export function signalCalendar(grid: StepGrid, bars: number): CalendarField[] {
  return calendarFields(grid, bars * grid.stepMs).filter(
    (field) => field !== "month" && field !== "day_of_month",
  );
}

/**
 * The features of bar `t`, from it and the `reach` − 1 bars before it. Nothing later is looked at.
 *
 * @param timeMs of the bar, ms since the epoch
 * @param reach  at least `LEAST_REACH`
 * @returns as `signalFeatureNames`
 */
export function signalFeatures(
  history: MarketHistory,
  t: number,
  timeMs: number,
  calendar: readonly CalendarField[],
  reach = SIGNAL_REACH,
): number[] {
  const { close, high, low, volume } = history;
  const long = reach - 1;
  const price = (back: number) => Math.log(close[t - back] ?? Number.NaN);
  const change = (back: number) => price(back) - price(back + 1);
  const scale = knownScale(change, history, t, reach);
  const now = price(0);
  return [
    ...RETURNS.map((k) => ratio(now - price(k), scale * Math.sqrt(k))),
    ...[6, SCALE, long].map((n) => ratio(now - mean(price, n), scale * Math.sqrt(n))),
    ratio(rootMeanSquare(change, 6), scale),
    ratio(scale, rootMeanSquare(change, long)),
    ratio(
      sumOf(STRENGTH, (i) => Math.max(0, change(i))),
      sumOf(STRENGTH, (i) => Math.abs(change(i))),
    ),
    ...[SCALE, long].map((n) => placeAmong(price, n)),
    ratio(
      sumOf(SCALE - 1, (i) => change(i) * change(i + 1)),
      SCALE * scale ** 2,
    ),
    sumOf(12, (i) => (Number.isNaN(change(i)) ? Number.NaN : Number(change(i) > 0))) / 12,
    ...(high === undefined || low === undefined
      ? []
      : [
          ratio(Math.log(high[t]! / low[t]!), scale),
          ratio(Math.log(close[t]! / low[t]!), Math.log(high[t]! / low[t]!)),
        ]),
    ...(volume === undefined ? [] : [standardised((back) => volume[t - back] ?? Number.NaN, SCALE)]),
    ...calendar.map((field) => calendarValue(field, timeMs)),
  ];
}

/**
 * Root mean square of the newest 24 known changes of the logarithm of the close, of which a row's reach may hold fewer;
 * NaN where 24 bars before `t` do not exist. A filled gap is no calm market: it neither changes the scale nor makes it 0.
 *
 * With fewer than 6 known changes, as of prices on every second bar, the last 24 count as they were filled: the move that
 * ends a gap then makes up for the bars in it.
 *
 * @param reach bars up to `t` that are looked at, as `signalFeatures`: training sees no more than serving has
 */
export function marketScale(history: MarketHistory, t: number, reach: number): number {
  const { close } = history;
  const change = (back: number) =>
    Math.log((close[t - back] ?? Number.NaN) / (close[t - back - 1] ?? Number.NaN));
  return knownScale(change, history, t, reach);
}

type Back = (back: number) => number;

function sumOf(count: number, value: Back): number {
  let total = 0;
  for (let i = 0; i < count; i += 1) total += value(i);
  return total;
}

function mean(value: Back, count: number): number {
  return sumOf(count, value) / count;
}

function rootMeanSquare(value: Back, count: number): number {
  return Math.sqrt(sumOf(count, (i) => value(i) ** 2) / count);
}

function knownScale(change: Back, { changeKnown }: MarketHistory, t: number, reach: number): number {
  if (changeKnown === undefined || t < SCALE) return rootMeanSquare(change, SCALE);
  const known: number[] = [];
  for (let back = 0; back < Math.min(t, reach - 1) && known.length < SCALE; back += 1)
    if (changeKnown[t - back] === 1) known.push(back);
  if (known.length < LEAST_KNOWN) return rootMeanSquare(change, SCALE);
  return rootMeanSquare((i) => change(known[i]!), known.length);
}

function placeAmong(value: Back, count: number): number {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < count; i += 1) {
    if (Number.isNaN(value(i))) return Number.NaN;
    low = Math.min(low, value(i));
    high = Math.max(high, value(i));
  }
  return ratio(value(0) - low, high - low);
}

function standardised(value: Back, count: number): number {
  const centre = mean(value, count);
  return ratio(
    value(0) - centre,
    rootMeanSquare((i) => value(i) - centre, count),
  );
}

function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? Number.NaN : numerator / denominator;
}

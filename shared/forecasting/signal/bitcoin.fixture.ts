import { missingSeries, readSeries } from "../../../test/bench/public-series.ts";
import type { MarketHistory } from "./features.ts";
import { type SignalRows, signalRows } from "./rows.ts";

const HOUR = 3_600_000;
const DAY = 24;

export interface Bitcoin {
  /** rows of days `from` … `to` − 1, of the move an hour later, of what is known at their end */
  rowsOf(from: number, to: number): SignalRows;
  /** whole days */
  readonly days: number;
  /** change of the logarithm of the close in hour `t`; 0 where an hour is missing */
  change(t: number): number;
}

/** Hourly bars of BTCUSDT from November 2024 to August 2025, gaps and all; undefined where they are not at hand. */
export function bitcoin(): Bitcoin | undefined {
  if (missingSeries() !== undefined) return undefined;
  const series = readSeries("trade_btcusdt_1h_2024-11_2025-08");
  const instants = series.flatMap(({ times }) => [Date.parse(times[0]!), Date.parse(times.at(-1)!)]);
  const [startMs, endMs] = [Math.min(...instants), Math.max(...instants)];
  const bars = (endMs - startMs) / HOUR + 1;
  const column = (metric: string) => {
    const values = new Float64Array(bars).fill(Number.NaN);
    const { times, values: observed } = series.find(({ name }) => name.endsWith(`/${metric}`))!;
    times.forEach((ts, i) => {
      values[(Date.parse(ts) - startMs) / HOUR] = observed[i]!;
    });
    return values;
  };
  const history: MarketHistory = {
    close: column("close"),
    high: column("high"),
    low: column("low"),
    volume: column("volume"),
  };
  const times = Float64Array.from({ length: bars }, (_, t) => startMs + t * HOUR);
  const grid = { stepMs: HOUR, calendar: "all" } as const;
  return {
    days: Math.floor(bars / DAY),
    change: (t) => Math.log(history.close[t]! / history.close[t - 1]!) || 0,
    rowsOf: (from, to) => signalRows(history, times, grid, 1, { from: from * DAY, to: to * DAY }),
  };
}

import { join } from "node:path";
import type { z } from "zod";
import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { History } from "../../../shared/history/history.ts";
import { RowBuffer } from "../../../shared/history/row-buffer.ts";
import { deriveUuidV7 } from "../../../shared/ids.ts";
import { gaussian } from "../../../shared/strategy/market.fixture.ts";
import type { Row } from "../search.fixture.ts";

export const HOUR_MS = 3_600_000;
export const START_MS = Date.parse("2025-01-06T00:00:00Z");
export const FORECASTER = "coin-6h";

export type SpecInput = z.input<typeof ForecasterSpec>;

/** Hourly prices of a coin, forecast six hours ahead. */
export function coinSpec(over: Partial<SpecInput> = {}): ForecasterSpec {
  return ForecasterSpec.parse({
    forecaster: FORECASTER,
    series: "coin",
    metric: "close",
    step: "1h",
    horizon: "6h",
    season_length: 24,
    model: { family: "seasonal-naive" },
    strategy: {
      prices: { open: "open", high: "high", low: "low" },
      space: { confidence_threshold: { min: 0.5, max: 0.95 } },
      parameters: { sides: "both", confidence_threshold: 0.9, stop_loss: 0.002 },
      trials: 30,
      holdout: "10d",
    },
    ...over,
  });
}

export function coinLive(over: Partial<LiveConfig> = {}): LiveConfig {
  return LiveConfig.parse({
    ...{ forecaster: FORECASTER, horizon: "6h", model: "seasonal-naive", artifact: null, version: 3 },
    ...{ context_length: 96, num_samples: 50, temperature: 1, run_id: deriveUuidV7(START_MS, "coin") },
    ...{ validation_rmse: null, validation_mape: null, validation_mae: null },
    ...{ search_iterations: 0, optimization_time_seconds: 0, timestamp: new Date(START_MS).toISOString() },
    ...over,
  });
}

/** Hourly bars: a cycle of a day, as strong as `cycle`, about a random walk. */
export function coinBars(
  hours: number,
  cycle = 0.02,
  seed = 1,
): Record<"open" | "high" | "low" | "close", number>[] {
  let walk = 0;
  let before = 100;
  return Array.from({ length: hours }, (_, t) => {
    walk += 0.001 * gaussian(seed, t);
    const close = 100 * Math.exp(walk + cycle * Math.sin((2 * Math.PI * t) / 24));
    const open = before;
    before = close;
    return { open, close, high: Math.max(open, close) * 1.0005, low: Math.min(open, close) * 0.9995 };
  });
}

/** What `prices` observed, hour by hour, as `<series>.<metric>`. */
export function coinRows(
  bars: readonly Readonly<Record<string, number>>[],
  series = "coin",
): Record<string, Row[]> {
  const metrics = Object.keys(bars[0]!);
  const rows = (metric: string) => bars.map((values, t): Row => [START_MS + t * HOUR_MS, values[metric]!]);
  return Object.fromEntries(metrics.map((metric) => [`${series}.${metric}`, rows(metric)]));
}

/** Writes hourly observations as the inference-buffer does; returns the folder. */
export async function recordPrices(
  folder: string,
  rows: readonly Readonly<Record<string, number>>[],
): Promise<string> {
  const history = await History.open({ folder: join(folder, "history") });
  const buffer = new RowBuffer();
  for (const [t, values] of rows.entries()) {
    const ts = new Date(START_MS + t * HOUR_MS).toISOString();
    buffer.add("observation", "coin", { seq: t + 1, idx: 0, arrivedMs: START_MS }, { ts, values });
  }
  await history.append({
    stream: "2025-01-01T00:00:00Z",
    day: history.dayOf(START_MS),
    firstSeq: 1,
    lastSeq: rows.length,
    rows: buffer,
  });
  await history.close();
  return history.folder;
}

import type { z } from "zod";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Score } from "../../../shared/contracts/telemetry.ts";
import { EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import { randomKey, uniformAt } from "../../../shared/forecasting/random.ts";
import { type Batch, foldScores } from "../monitor/monitor.ts";
import { initialMonitor, type MonitorState, type Point } from "../state.ts";
import type { Situation } from "./situation.ts";

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
/** A Sunday. */
export const NOW_MS = Date.parse("2025-06-01T00:00:00Z");

type TriggerInput = NonNullable<z.input<typeof ForecasterSpec>["trigger"]>;

export function specWith(
  trigger: TriggerInput = {},
  parts: Partial<z.input<typeof ForecasterSpec>> = {},
): ForecasterSpec {
  return ForecasterSpec.parse({ forecaster: "a", series: "s", horizon: "7d", ...parts, trigger });
}

/** A live forecaster with nothing observed, and what the arguments say. */
export function situationOf(
  spec: ForecasterSpec,
  monitor: Partial<MonitorState> = {},
  inputs: z.input<typeof EvaluationInputs> = {},
): Situation {
  return {
    spec,
    monitor: { ...initialMonitor("a"), ...monitor },
    nowMs: NOW_MS,
    inputs: EvaluationInputs.parse(inputs),
  };
}

/** Time of a day or a part of one, counted back from now. */
export function ago(days: number): string {
  return new Date(NOW_MS - days * DAY_MS).toISOString();
}

/** One point a day (or every `stepMs`) up to now, oldest first; `age` is in steps. */
export function series(count: number, value: (i: number, age: number) => number, stepMs = DAY_MS): Point[] {
  return Array.from({ length: count }, (_, i): Point => {
    const age = count - 1 - i;
    return [NOW_MS - age * stepMs, value(i, age), i + 1];
  });
}

/** Uniform noise in −1 … 1, the same at every call. */
export function noise(i: number, seed = 1): number {
  return 2 * uniformAt(randomKey(seed), i) - 1;
}

/** The state after scores of one step a day, oldest first, `days` of them up to now. */
export function scored(
  spec: ForecasterSpec,
  days: number,
  score: (age: number) => Partial<Score>,
  monitor: MonitorState = initialMonitor("a"),
): MonitorState {
  const batches = Array.from({ length: days }, (_, i): Batch<Score> => {
    const age = days - 1 - i;
    return { sequence: i + 1, latestMs: NOW_MS, records: [scoreAt(age, score(age))] };
  });
  return foldScores(monitor, batches, spec);
}

export function scoreAt(age: number, parts: Partial<Score> = {}): Score {
  return {
    issued_at: ago(age + 1),
    target_ts: ago(age),
    step: 1,
    error: 1,
    abs_pct_error: 1,
    in_interval: true,
    model_version: "v1",
    ...parts,
  };
}

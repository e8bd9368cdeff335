import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import { initialMonitor, MonitorState } from "../state.ts";
import { bucketMs } from "./layout.ts";
import { type Batch, foldObservations, foldScores, newestMs, streamRange } from "./monitor.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.parse("2025-01-01T00:00:00Z");
const spec = ForecasterSpec.parse({
  forecaster: "a",
  series: "s",
  metric: "rate",
  horizon: "7d",
  bounds: { min: 0, max: 1_000 },
});
const empty = initialMonitor("a");

describe("scores in the monitor", () => {
  it("are summed by day over every step, and kept singly for the first one", () => {
    const state = foldScores(empty, [scores(7, [at(0, 1, 3), at(0, 2, -4), at(1, 1, 5)])], spec);
    expect(state.buckets).toEqual([
      { start: START_MS, n: 2, sse: 25, first: 7 },
      { start: START_MS + DAY_MS, n: 1, sse: 25, first: 7 },
    ]);
    expect(state.errors).toEqual([
      [START_MS, 3, 7],
      [START_MS + DAY_MS, 5, 7],
    ]);
    expect(newestMs(state)).toBe(START_MS + DAY_MS);
  });

  it("that come again change nothing, alone or in company", () => {
    const once = foldScores(empty, [scores(1, [at(0, 1, 1)]), scores(2, [at(1, 1, 1)])], spec);
    expect(foldScores(once, [scores(2, [at(1, 1, 1)])], spec)).toBe(once);
    const more = foldScores(once, [scores(1, [at(0, 1, 1)]), scores(3, [at(2, 1, 1)])], spec);
    expect(more.buckets.map(({ n }) => n)).toEqual([1, 1, 1]);
  });

  it("come to the same sums in any order", () => {
    const batches = [scores(1, [at(3, 1, 1)]), scores(2, [at(1, 1, 2)]), scores(3, [at(2, 1, 3)])];
    const forwards = foldScores(empty, batches, spec);
    const backwards = batches.toReversed().reduce((state, batch) => foldScores(state, [batch], spec), empty);
    expect(backwards).toEqual(forwards);
  });

  it("of a challenger, of a far future and of absurd size are left out", () => {
    const challenger = { ...at(0, 1, 9), variant: "challenger" as const };
    const state = foldScores(
      empty,
      [scores(1, [challenger, at(400_000, 1, 1), at(0, 1, 1e200), at(0, 1, 1)])],
      spec,
    );
    expect(state.buckets).toEqual([{ start: START_MS, n: 1, sse: 1, first: 1 }]);
    expect(MonitorState.parse(JSON.parse(JSON.stringify(state)))).toEqual(state);
  });

  it("leave the windows with time", () => {
    const long = Array.from({ length: 400 }, (_, day) => at(day, 1, 1));
    const state = foldScores(empty, [scores(1, long)], spec);
    expect(state.buckets).toHaveLength(61);
    expect(state.errors).toHaveLength(74);
  });

  it("stay bounded however often they come", () => {
    const records = Array.from({ length: 74 * 24 * 12 }, (_, i) => at(i / (24 * 12), 1, 1));
    const state = foldScores(empty, [scores(1, records)], spec);
    expect(state.errors.length).toBeLessThanOrEqual(1_001);
    expect(state.errors.length).toBeGreaterThan(900);
    expect(JSON.stringify(state).length).toBeLessThan(60_000);
  });
});

describe("a state in the bucket", () => {
  it("of an older version is read", () => {
    const old = {
      forecaster: "a",
      scores: { floor: 3, ranges: [] },
      observations: { floor: 4, ranges: [[6, 7]] },
      observed: 9,
      buckets: [{ start: START_MS, n: 2, sse: 25, first: 7 }],
      errors: [[START_MS, 3, 7]],
      values: [],
      newest_score: START_MS,
      newest_observation: null,
      evaluated_at: START_MS,
      timer_at: null,
      checked_at: null,
      outbox: [],
    };
    const state = MonitorState.parse(old);
    expect(state).toEqual({ ...empty, ...old });
    const next = foldScores(state, [scores(9, [at(0, 1, 3)])], spec);
    expect(next.buckets).toEqual([{ start: START_MS, n: 3, sse: 34, first: 7 }]);
    expect(next.relaid).toEqual({ scores: 3, observations: 7 });
  });

  it("fits a message however much is watched and measured", () => {
    const also_watch = Array.from({ length: 16 }, (_, i) => ({ metric: `metric-${i}` }));
    const wide = ForecasterSpec.parse({
      ...spec,
      step: "1m",
      trigger: {
        performance: { recent: "100m", baseline: "2000m", metric: "sharpe", trial: { metric: "pinball" } },
        also_watch,
      },
    });
    const minutes = Array.from({ length: 74 * 288 }, (_, i) => i / 288);
    const records = minutes.map((day) => ({
      ...at(day, 1, Math.sin(day)),
      mean: 1 / 3,
      actual: day / 7,
      pinball: 0.1 / 3,
    }));
    const observations = minutes.map((day) => ({
      ts: time(day),
      values: {
        rate: 100 / 3 + day,
        ...Object.fromEntries(also_watch.map(({ metric }) => [metric, day / 3])),
      },
    }));
    const latestMs = START_MS + 1_000 * DAY_MS;
    const state = foldObservations(
      foldScores(empty, [{ sequence: 123_456_789, records, latestMs }], wide),
      [{ sequence: 987_654_321, records: observations, latestMs }],
      wide,
    );
    expect(Object.values(state.watched).every(({ length }) => length > 200 && length <= 251)).toBe(true);
    expect(JSON.stringify(state).length).toBeLessThan(600_000);
  });
});

describe("width of an error bucket", () => {
  it.each([
    ["14d", "60d", DAY_MS],
    ["70d", "300d", DAY_MS],
    ["14h", "60h", 3_600_000],
    ["14m", "2000m", 60_000],
    ["14m", "20000m", 600_000],
  ])("recent %s, baseline %s", (recent, baseline, width) => {
    const performance = { ...spec.trigger.performance, recent, baseline };
    expect(bucketMs({ ...spec, trigger: { ...spec.trigger, performance } })).toBe(width);
  });
});

describe("observations in the monitor", () => {
  it("count where metric, entity and bounds fit", () => {
    const records: Observation[] = [
      { ts: time(0), values: { rate: 5 } },
      { ts: time(1), values: { other: 5 } },
      { ts: time(2), values: { rate: 5 }, entity: "x" },
      { ts: time(3), values: { rate: -1 } },
      { ts: time(4), values: { rate: 6 } },
    ];
    const state = foldObservations(empty, [{ sequence: 1, records, latestMs: START_MS + 9 * DAY_MS }], spec);
    expect(state.values.map(([, value]) => value)).toEqual([5, 6]);
    expect(state.observed).toBe(2);
  });

  it("late ones take their place in time; one of the same time replaces the first", () => {
    const state = [3, 1, 2, 1].reduce((before, day, i) => {
      const records = [{ ts: time(day), values: { rate: 10 * i } }];
      return foldObservations(before, [{ sequence: i + 1, records, latestMs: START_MS + 9 * DAY_MS }], spec);
    }, empty);
    expect(state.values.map(([, value]) => value)).toEqual([30, 20, 0]);
    expect(streamRange(state)).toMatchObject({ first_sequence: 1, last_sequence: 4 });
  });
});

function at(day: number, step: number, error: number): Score {
  const target_ts = time(day);
  return {
    issued_at: target_ts,
    target_ts,
    step,
    error,
    abs_pct_error: 1,
    in_interval: true,
    model_version: "v1",
  };
}

function scores(sequence: number, records: Score[]): Batch<Score> {
  return { sequence, records, latestMs: START_MS + 1_000 * DAY_MS };
}

function time(day: number): string {
  return new Date(START_MS + day * DAY_MS).toISOString();
}

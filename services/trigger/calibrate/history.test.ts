import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { HOUR_MS, hourly, recorded, START_MS } from "./calibrate.fixture.ts";
import { layOut } from "./history.ts";
import { replay } from "./replay.ts";
import { telemetryOf } from "./telemetry.ts";

const spec = hourly();
const values = { of: "values", spanMs: 0 } as const;
const counting = (hours: number) => recorded(Array.from({ length: hours }, (_, hour) => hour));
const without = (hours: number, isGone: (hour: number) => boolean) => {
  const { observations, scores } = counting(hours);
  return { scores, observations: observations.filter((_, hour) => !isGone(hour)) };
};
const drawn = (history: NonNullable<ReturnType<typeof layOut>>) =>
  history.steps.map((moments) => moments[0]?.readings[0]?.value ?? null);

describe("recorded telemetry on the grid", () => {
  it("closes a long gap by whole seasons, so that hours keep their time of day", () => {
    const history = layOut(
      without(120, (hour) => hour >= 30 && hour < 85),
      values,
      spec,
    )!;
    const found = drawn(history);
    expect(found).toHaveLength(120 - 48);
    expect(found.slice(28, 39)).toEqual([28, 29, null, null, null, null, null, null, null, 85, 86]);
    const off = found.flatMap((value, t) => (value === null ? [] : [(value - t) % 24]));
    expect(new Set(off)).toEqual(new Set([0]));
    expect(history.times.at(-1)! - history.times[0]!).toBe((found.length - 1) * HOUR_MS);
  });

  it("draws a short gap along, with the value before it for the length of blocks", () => {
    const history = layOut(
      without(50, (hour) => hour === 7),
      values,
      spec,
    )!;
    expect(drawn(history)[7]).toBeNull();
    expect(history.series).toHaveLength(50);
  });

  it("knows no weekends on a weekday calendar", () => {
    const days = ForecasterSpec.parse({ ...spec, step: "1d", season_length: 5, calendar: "weekdays" });
    const at = (day: number) => new Date(START_MS + day * 24 * HOUR_MS).toISOString();
    const observations = Array.from({ length: 15 }, (_, day) => ({ ts: at(day), values: { value: day } }));
    const history = layOut({ observations, scores: [] }, values, days)!;
    expect(drawn(history)).toEqual([0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14]);
    expect(history.times.map((time) => new Date(time).toISOString())).toEqual(
      [0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14].map(at),
    );
  });

  it("leaves incidents, rolled-back configs, challengers and what came too early out", () => {
    const { observations, scores } = counting(10);
    const at = (hour: number) => START_MS + hour * HOUR_MS;
    const batch = <T>(records: readonly T[]) => [{ sequence: 1, latestMs: at(8), records }];
    const other = scores.map((score, i) => (i === 2 ? { ...score, variant: "challenger" as const } : score));
    const kept = telemetryOf(
      { observations: batch(observations), scores: batch(other) },
      { fromMs: at(1), toMs: at(100) },
      { errors: [{ fromMs: at(3), toMs: at(5) }], values: [{ fromMs: at(4), toMs: at(6) }] },
    );
    expect(kept.observations.map(({ values: { value } }) => value)).toEqual([1, 2, 3, 6, 7, 8]);
    expect(kept.scores.map(({ error }) => error)).toEqual([1, 5, 6, 7, 8]);
  });
});

describe("a history redrawn", () => {
  it("lets a detector on changes see each change it drew, and no jump at a seam", () => {
    const watching = hourly({
      mean_shift: { enabled: true, on: "changes", recent: "1d", reference: "2d" },
    });
    const source = { of: "changes", spanMs: 3 * 24 * HOUR_MS } as const;
    const walk = Array.from({ length: 200 }, (_, hour) => 10 * hour + (hour % 2));
    const history = layOut(recorded(walk), source, watching)!;
    const seams = [...history.steps.keys()].map((t) => 20 + ((t * 37) % 150));
    const { statistics } = replay("mean_shift", history, seams, source, watching);
    expect(statistics.length).toBeGreaterThan(10);
    expect(Math.max(...statistics)).toBeLessThan(1);
  });

  it("is looked at as often as evaluate_every says, once the windows are full", () => {
    const source = { of: "values", spanMs: 3 * 24 * HOUR_MS } as const;
    const history = layOut(counting(100), source, spec)!;
    const { atMs } = replay("mean_shift", history, [...history.steps.keys()], source, spec);
    expect(atMs.map((at) => (at - START_MS) / HOUR_MS)).toEqual([72, 78, 84, 90, 96]);
  });
});

import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Points } from "../../../shared/forecasting/context.ts";
import { uniform } from "../../../shared/forecasting/random.ts";
import { parseSetting } from "./settings.ts";
import { inLaboratory } from "./what-if.ts";

const DAY_MS = 86_400_000;
const START = Date.parse("2025-01-06T00:00:00Z"); // a Monday
const CHANGE = 150;
const DAYS = 220;

/** Noise about a week that repeats; from day 150 on about one of 14 days. */
const points: Points = {
  times: Array.from({ length: DAYS }, (_, day) => START + day * DAY_MS),
  values: Array.from({ length: DAYS }, (_, day) => {
    const season = day < CHANGE ? day % 7 : 2 * (day % 14);
    return 20 + season + uniform(1, day);
  }),
};

const spec = ForecasterSpec.parse({
  forecaster: "weekly",
  series: "weekly",
  horizon: "2d",
  season_length: 7,
  model: { family: "seasonal-naive" },
  trigger: { time: { enabled: false }, performance: { threshold: 0.5 }, drift: { enabled: false } },
  search: { backtest: "14d", space: { context_length: [28], num_samples: [50], temperature: [1] } },
});
const ALWAYS = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
const day = (iso: string) => Math.round((Date.parse(iso) - START) / DAY_MS);

describe("policies on observations alone", () => {
  it("retrain when something happened, never, every night or every Sunday", async () => {
    const settings = [
      parseSetting("trigger.performance.threshold=50"),
      parseSetting("trigger.drift.enabled=false"),
    ];
    const made = { modelPath: undefined, recording: undefined };
    const outcomes = await inLaboratory(spec, points, settings, ALWAYS, made);
    const by = Object.fromEntries(outcomes.map((each) => [each.policy, each]));
    expect(Object.keys(by)).toEqual(["configured", "changed", "never", "nightly", "weekly"]);

    const first = { cause: "first-deployment", outcome: "deployed" };
    const triggered = by.configured!.runs.filter(({ cause }) => cause === "trigger");
    expect(by.configured!.runs[0]).toMatchObject(first);
    expect(triggered.length).toBeGreaterThan(0);
    expect(triggered.every(({ at }) => day(at) >= CHANGE)).toBe(true);
    for (const deaf of ["changed", "never"]) expect(by[deaf]!.runs).toMatchObject([first]);

    const nights = by.nightly!.runs.filter(({ cause }) => cause === "schedule");
    expect(nights.length).toBeGreaterThan(170);
    const sundays = by.weekly!.runs.filter(({ cause }) => cause === "schedule");
    expect(new Set(sundays.map(({ at }) => new Date(at).getUTCDay()))).toEqual(new Set([0]));
    expect(sundays.length).toBeLessThan(nights.length / 6);
    expect(by.nightly!.compute_s!).toBeGreaterThan(0);
  });

  it("are reported for the time that is asked for alone", async () => {
    const range = { fromMs: START + 100 * DAY_MS, toMs: START + 120 * DAY_MS };
    const [configured] = await inLaboratory(spec, points, [], range, {
      modelPath: undefined,
      recording: undefined,
    });
    expect(configured!.runs).toEqual([]);
    expect(configured!.daily.map(([date]) => day(date))).toEqual(
      Array.from({ length: 20 }, (_, i) => 100 + i),
    );
    expect(configured!.served).toMatchObject({ scores: 40, basis: "simulated" });
  });

  it("come out the same when they are played again", async () => {
    const play = () => inLaboratory(spec, points, [], ALWAYS, { modelPath: undefined, recording: undefined });
    const untimed = (outcomes: Awaited<ReturnType<typeof play>>) =>
      outcomes.map(({ compute_s: _, ...each }) => each);
    expect(untimed(await play())).toEqual(untimed(await play()));
  });
});

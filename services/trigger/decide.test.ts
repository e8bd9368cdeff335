import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { EvaluationInputs } from "../../shared/contracts/trigger.ts";
import { DETECTORS, evaluate, isDue, isOverdue, neededHistory } from "./decide.ts";
import type { Situation } from "./judgement/situation.ts";
import { initialMonitor, type MonitorState, type Point } from "./state.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse("2025-06-01T00:00:00Z");
const spec = ForecasterSpec.parse({ forecaster: "a", series: "s", horizon: "7d" });

describe("performance detector: RMSE of 14 days against 60 (A-TRG-1)", () => {
  for (const [behaviour, recent, before, perDay, fired] of [
    ["fires at 15 % and more", 1.5, 1, 4, true],
    ["stays silent while the error holds", 1, 1, 4, false],
    ["stays silent when the forecasts improve", 0.5, 1, 4, false],
    ["stays silent just below 15 %", 1.2, 1, 4, false],
    ["stays silent without any error at all", 0, 0, 4, false],
    ["cannot tell with 14 scores where 20 are needed", 9, 1, 1, null],
  ] as const) {
    it(behaviour, () => {
      const monitor = daily((age) => (age < 14 ? recent : before), perDay);
      expect(detect("performance", { monitor }).fired).toBe(fired);
    });
  }

  it("computes degradation = RMSE(14 d) / RMSE(60 d) − 1, the baseline holding the recent days", () => {
    const { figures, reason } = detect("performance", { monitor: daily((age) => (age < 14 ? 2 : 1), 4) });
    const baseline = Math.sqrt((14 * 4 + 46 * 1) / 60);
    expect(figures.degradation).toBeCloseTo(2 / baseline - 1, 12);
    expect(figures).toMatchObject({ scores_recent: 56, scores_baseline: 240 });
    expect(reason).toContain(
      "RMSE of the last 14d is 53.4 % worse than that of the last 60d (2 against 1.304)",
    );
  });

  it("cannot tell without any score before the recent window", () => {
    const monitor = daily(() => 1, 4, 14);
    expect(detect("performance", { monitor })).toMatchObject({
      fired: null,
      reason: expect.stringContaining("no scores before"),
    });
  });

  it("cannot tell without any score", () =>
    expect(detect("performance", {}).reason).toBe("insufficient: 0 scores in the last 14d, 20 are needed"));
});

describe("drift detector: Kolmogorov-Smirnov (A-TRG-2)", () => {
  const noise = (i: number) => ((i * 7919) % 101) / 101;
  it.each([
    ["fires on a clear shift of the errors", points((i, age) => noise(i) + (age < 14 ? 0.6 : 0)), true],
    ["stays silent where nothing changed", points(noise), false],
    [
      "cannot tell from 5 recent errors",
      points(noise).filter(([at]) => at <= NOW_MS - 14 * DAY_MS || at > NOW_MS - 5 * DAY_MS),
      null,
    ],
  ])("%s", (_, errors, fired) =>
    expect(detect("drift", { monitor: { ...initialMonitor("a"), errors } }).fired).toBe(fired),
  );

  it("false alarm of the plain test: a random walk without any change fires only without effective sizes", () => {
    let level = 0;
    const values = points((i) => {
      level += noise(i + 3) - 0.5;
      return level;
    });
    const result = detect("drift", { monitor: { ...initialMonitor("a"), values }, on: "values" });
    expect(result.figures.distance).toBeGreaterThan(0.35);
    expect(result.figures.effective_recent).toBeLessThan(5);
    expect(result.fired).toBe(false);
  });

  it("looks at differences where the spec says changes", () => {
    const values = points((i, age) => (age < 14 ? 10 * i : i) + noise(i));
    const result = detect("drift", { monitor: { ...initialMonitor("a"), values }, on: "changes" });
    expect(result).toMatchObject({
      fired: true,
      severity: "high",
      figures: { points_recent: 14, points_reference: 59 },
    });
  });

  it("small but certain: severity low is not enough where medium is asked for", () => {
    const hourly = Array.from({ length: 74 * 13 }, (_, i): Point => {
      const at = NOW_MS - i * (DAY_MS / 13);
      return [at, ((i * 7919) % 10_007) / 10_007 + (i < 14 * 13 ? 0.16 : 0), 1];
    }).reverse();
    const result = detect("drift", { monitor: { ...initialMonitor("a"), errors: hourly } });
    expect(result.figures.p_value).toBeLessThan(0.05);
    expect(result).toMatchObject({ fired: false, severity: "low" });
  });
});

describe("time detector (A-TRG-3)", () => {
  it.each([
    ["never optimized", null, true],
    ["14 days ago", 14, true],
    ["13.9 days ago", 13.9, false],
    ["in a future that a clock invented", -3, false],
  ])("%s", (_, days, fired) => {
    const lastOptimizedMs = days === null ? null : NOW_MS - days * DAY_MS;
    expect(detect("time", { lastOptimizedMs }).fired).toBe(fired);
  });
});

describe("an evaluation", () => {
  const broken = () => {
    throw new Error("figures are gone");
  };

  it("says no with every detector's reason", () => {
    const { report } = evaluate(situation({ lastOptimizedMs: NOW_MS - DAY_MS }));
    expect(report.should_optimize).toBe(false);
    expect(report.reasons.map((reason) => reason.split(":")[0])).toEqual(["performance", "drift", "time"]);
  });

  it("skips a detector that fails, and says so (A-TRG-5)", () => {
    const { report, failures } = evaluate(situation({ lastOptimizedMs: NOW_MS }), {
      ...DETECTORS,
      drift: broken,
    });
    expect(report.detectors[1]).toMatchObject({
      detector: "drift",
      fired: null,
      reason: "failed: figures are gone",
    });
    expect(failures.map(({ detector }) => detector)).toEqual(["drift"]);
    expect(report.should_optimize).toBe(false);
  });

  it("works by time alone when all others fail (A-TRG-5)", () => {
    const detectors = { ...DETECTORS, performance: broken, drift: broken };
    const { report } = evaluate(situation({ lastOptimizedMs: NOW_MS - 15 * DAY_MS }), detectors);
    expect(report).toMatchObject({
      should_optimize: true,
      reasons: ["time: last optimized 15.0 days ago; it fires at 14d"],
    });
  });

  it("leaves disabled detectors out", () => {
    const trigger = { ...spec.trigger, drift: { ...spec.trigger.drift, enabled: false } };
    const { report } = evaluate(situation({ spec: { ...spec, trigger } }));
    expect(report.detectors.map(({ detector }) => detector)).toEqual(["performance", "time"]);
  });

  it("without a live config waits for history and then asks for the first deployment, whatever detectors say", () => {
    const needed = neededHistory(spec);
    expect(needed).toBe(30 + 30 + 7 + 8);
    expect(evaluate(situation({ live: false, history: needed - 1 })).report.should_optimize).toBe(false);
    const { report } = evaluate(situation({ live: false, history: needed }));
    expect(report).toMatchObject({ should_optimize: true, cause: "first-deployment" });
  });

  it("without a live config waits for as many observations as a search asks for (D-TRN-1)", () => {
    const picky = { ...spec, search: { ...spec.search, min_samples: 500 } };
    const reportOf = (history: number) => evaluate(situation({ spec: picky, live: false, history })).report;
    expect(reportOf(499)).toMatchObject({
      should_optimize: false,
      reasons: ["no live config yet; waiting for history: 499 of 500 observations"],
    });
    expect(reportOf(500).should_optimize).toBe(true);
    expect(neededHistory({ ...picky, entities: "all" })).toBe(neededHistory(spec));
  });

  it("of the same figures says the same", () => {
    const same = situation({ monitor: daily((age) => (age < 14 ? 2 : 1), 4) });
    expect(evaluate(same)).toEqual(evaluate(structuredClone(same)));
  });
});

describe("when to evaluate", () => {
  const monitor = { ...initialMonitor("a"), newest_score: NOW_MS };
  it.each([
    ["telemetry that was never evaluated", {}, true],
    ["a day after the last evaluation", { evaluated_at: NOW_MS - DAY_MS }, true],
    ["an hour after it", { evaluated_at: NOW_MS - 3_600_000 }, false],
    ["an hour before the timer's", { evaluated_at: NOW_MS - DAY_MS, timer_at: NOW_MS + 3_600_000 }, false],
    ["years before the timer's: a replayed history", { timer_at: NOW_MS + 700 * DAY_MS }, true],
  ])("%s", (_, parts, due) => expect(isDue({ ...monitor, ...parts }, spec)).toBe(due));

  it("not without telemetry", () => expect(isDue(initialMonitor("a"), spec)).toBe(false));

  it.each([
    [null, true],
    [1.25 * DAY_MS, true],
    [1.1 * DAY_MS, false],
  ])("by the timer, %d ms after the last evaluation: %s", (ageMs, overdue) => {
    const checked_at = ageMs === null ? null : NOW_MS - ageMs;
    expect(isOverdue({ ...monitor, checked_at }, spec, NOW_MS)).toBe(overdue);
  });
});

interface Parts {
  readonly spec?: ForecasterSpec;
  readonly monitor?: MonitorState;
  readonly lastOptimizedMs?: number | null;
  readonly live?: boolean;
  readonly history?: number;
}

function situation({ lastOptimizedMs = null, live = true, history = 0, ...parts }: Parts): Situation {
  const last_optimized_at = lastOptimizedMs === null ? null : new Date(lastOptimizedMs).toISOString();
  const inputs = EvaluationInputs.parse({ live, history, last_optimized_at });
  return { spec, monitor: initialMonitor("a"), nowMs: NOW_MS, inputs, ...parts };
}

function detect(name: keyof typeof DETECTORS, parts: Parts & { on?: "errors" | "values" | "changes" }) {
  const { on = "errors", ...rest } = parts;
  const trigger = { ...spec.trigger, drift: { ...spec.trigger.drift, on } };
  return DETECTORS[name](situation({ ...rest, spec: { ...spec, trigger } }), []);
}

/** `perDay` scores a day of the same size of error, which depends on the day's age. */
function daily(error: (age: number) => number, perDay: number, days = 60): MonitorState {
  const buckets = Array.from({ length: days }, (_, i) => {
    const age = days - 1 - i;
    return { start: NOW_MS - age * DAY_MS, n: perDay, sse: perDay * error(age) ** 2, first: i + 1 };
  });
  return { ...initialMonitor("a"), buckets, newest_score: NOW_MS };
}

/** One point a day for 74 days, oldest first. */
function points(value: (i: number, age: number) => number): Point[] {
  return Array.from({ length: 74 }, (_, i) => [NOW_MS - (73 - i) * DAY_MS, value(i, 73 - i), i + 1]);
}

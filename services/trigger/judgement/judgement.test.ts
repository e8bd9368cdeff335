import { describe, expect, it } from "vitest";
import { evaluate } from "../decide.ts";
import { initialMonitor } from "../state.ts";
import { memoryOf, remember } from "./remember.ts";
import { ago, DAY_MS, noise, scored, series, situationOf, specWith } from "./situation.fixture.ts";

const FRESH = { last_optimized_at: ago(1) };
const WORSE = (age: number) => ({ error: age < 14 ? 3 : 1 });

describe("settings on trial (A-FUT-3)", () => {
  const spec = specWith({
    performance: { min_scores: 5, threshold: 10, trial: { threshold: 0.5 } },
    drift: { enabled: false },
  });
  const { report } = evaluate(situationOf(spec, scored(spec, 60, WORSE), FRESH));

  it("tell what they would have done and trigger nothing", () => {
    const [performance] = report.detectors;
    expect(performance).toMatchObject({
      fired: false,
      threshold: 10,
      trial: { fired: true, threshold: 0.5 },
    });
    expect(performance!.trial!.statistic).toBe(performance!.statistic);
    expect(report).toMatchObject({
      should_optimize: false,
      trial: { fired: ["performance"], verdict: true },
    });
  });

  it("may be other windows: these are summed, too", () => {
    const windows = specWith({
      performance: { min_scores: 5, trial: { baseline: "100d", metric: "mae" } },
      drift: { enabled: false },
    });
    const monitor = scored(windows, 120, (age) => ({ error: age > 60 ? 2 : 1 }));
    const { detectors } = evaluate(situationOf(windows, monitor, FRESH)).report;
    expect(detectors[0]).toMatchObject({
      figures: { rmse_baseline: 1, scores_baseline: 60 },
      trial: { figures: { scores_baseline: 100, mae_baseline: 1.39 } },
    });
  });

  it("are not told of where there are none", () => {
    const plain = evaluate(situationOf(specWith())).report;
    expect(plain.trial).toBe(undefined);
    expect(plain.detectors.every(({ trial }) => trial === undefined)).toBe(true);
  });
});

describe("confirmation over consecutive evaluations", () => {
  const spec = specWith({ confirm: 3, evaluate_every: "1d" });
  const verdicts = (fired: readonly boolean[], asked: readonly number[] = []) => {
    let monitor = initialMonitor("a");
    return fired.map((yes, i) => {
      const nowMs = Date.parse(ago(0)) + i * DAY_MS;
      const last_optimized_at = yes ? null : new Date(nowMs).toISOString();
      const situation = situationOf(spec, monitor, {
        last_optimized_at,
        confirms: !asked.includes(i),
        ...memoryOf(monitor),
      });
      const { report } = evaluate({ ...situation, nowMs });
      monitor = remember(monitor, report, { ...situation, nowMs });
      return report.should_optimize;
    });
  };

  it.each([
    ["the third yes in a row counts", [true, true, true, true], [], [false, false, true, true]],
    [
      "a no in between begins anew",
      [true, true, false, true, true, true],
      [],
      [false, false, false, false, false, true],
    ],
    ["asking confirms nothing", [true, true, true, true], [0, 1, 2], [false, false, false, false]],
    ["asking once it is confirmed says so", [true, true, true, true], [3], [false, false, true, true]],
  ])("%s", (_, fired, asked, expected) => expect(verdicts(fired, asked)).toEqual(expected));

  it("says how many there were", () => {
    const { report } = evaluate(situationOf(spec, {}, { streak: 1 }));
    expect(report.confirmation).toEqual({ count: 2, needed: 3 });
    expect(report.reasons[0]).toBe("confirmation: 2 of 3 evaluations in a row");
  });
});

describe("combination, cost and warnings in a report", () => {
  it("says which rule it takes where some fired and that is not enough", () => {
    const spec = specWith({
      combine: { at_least: 2, of: ["performance", "time"] },
      performance: { min_scores: 5 },
    });
    const { report } = evaluate(
      situationOf(
        spec,
        scored(spec, 60, () => ({ error: 1 })),
      ),
    );
    expect(report).toMatchObject({ should_optimize: false, combination: { verdict: false } });
    expect(report.reasons.slice(0, 2)).toEqual([
      "combination: it takes at least 2 of performance, time",
      "time: never optimized",
    ]);
  });

  it("answers null where a detector that cannot tell decides", () => {
    const spec = specWith({ combine: "all" });
    expect(evaluate(situationOf(spec)).report.combination).toEqual({ rule: "all", verdict: null });
  });

  it.each([
    [0.5, true],
    [0.6, false],
  ])("weighs the gain: at least %d of the error", (min_gain, worth) => {
    const spec = specWith({ performance: { min_scores: 5 }, cost: { min_gain } });
    const monitor = scored(spec, 200, (age) => ({ error: age < 14 ? 9 : 0.1 }));
    const { report } = evaluate(situationOf(spec, monitor, { ...FRESH, run_seconds: 90 }));
    expect(report).toMatchObject({ should_optimize: worth, run_cost: { seconds: 90 } });
    const { rmse_recent, rmse_baseline } = report.detectors[0]!.figures as Record<string, number>;
    expect(report.expected_gain).toBeCloseTo(1 - rmse_baseline! / rmse_recent!, 12);
    expect(report.reasons[0]!.startsWith("cost: ")).toBe(!worth);
  });

  it("warns of what it foresees without asking for a run (A-FUT-2)", () => {
    const trails = {
      performance: Array.from({ length: 20 }, (_, i): [string, number] => [ago(20 - i), 0.005 * i - 0.02]),
    };
    const spec = specWith({
      performance: { min_scores: 5, baseline: "30d" },
      crossing: { enabled: true, within: "30d" },
      drift: { enabled: false },
    });
    const monitor = scored(spec, 60, (age) => ({ error: age < 14 ? 1.15 : 1 }));
    const { report } = evaluate(situationOf(spec, monitor, { ...FRESH, trails }));
    expect(report.should_optimize).toBe(false);
    expect(report.warnings).toMatchObject([expect.stringMatching(/^crossing: performance rises by 0.005/)]);
  });

  it("keeps the statistics that a forecast of drift needs, of its window alone", () => {
    const spec = specWith({ crossing: { enabled: true, window: "10d" }, performance: { min_scores: 5 } });
    const old: [number, number][] = Array.from({ length: 20 }, (_, i) => [Date.parse(ago(20 - i)), i]);
    const situation = situationOf(spec, { ...scored(spec, 60, WORSE), trails: { performance: old } }, FRESH);
    const { report } = evaluate(situation);
    const { trails } = remember(situation.monitor, report, situation);
    expect(trails.performance).toHaveLength(10);
    expect(trails.performance!.at(-1)).toEqual([situation.nowMs, report.detectors[0]!.statistic]);
    expect(remember(situation.monitor, report, { ...situation, spec: specWith() }).trails).toEqual({});
  });
});

describe("false-discovery control across metrics and entities", () => {
  const also_watch = Array.from({ length: 12 }, (_, i) => ({ metric: "cpu", entity: `web-${i}` }));
  const quiet = Object.fromEntries(
    also_watch.map(({ entity }, i) => [`cpu of ${entity}`, series(74, (k) => noise(k, i + 10))]),
  );
  const weak = series(74, (i, age) => noise(i, 3) + (age < 14 ? 0.8 : 0));
  const strong = series(74, (i, age) => noise(i, 4) + (age < 14 ? 1.5 : 0));
  const report = (false_discovery: object | undefined, values = weak) => {
    const spec = specWith({
      also_watch,
      false_discovery,
      drift: { on: "values", p_value: 0.05 },
      performance: { enabled: false },
    });
    return evaluate(situationOf(spec, { values, watched: quiet }, FRESH)).report;
  };

  it("keeps a weak change back that one test among many would have found", () => {
    expect(report(undefined).should_optimize).toBe(true);
    const controlled = report({ rate: 0.05 });
    expect(controlled.should_optimize).toBe(false);
    expect(controlled.false_discovery).toEqual({
      rate: 0.05,
      method: "benjamini-hochberg",
      tests: 13,
      found: 0,
    });
    const [test] = controlled.detectors[0]!.tests!;
    expect(test!.adjusted).toBeGreaterThan(test!.p_value);
  });

  it("lets a strong one through and names it", () => {
    const controlled = report({ rate: 0.05 }, strong);
    expect(controlled).toMatchObject({ should_optimize: true, false_discovery: { found: 1 } });
    expect(controlled.detectors[0]!.reason).toMatch(/false discoveries held to 5.0 %: value$/);
  });
});

import { describe, expect, it } from "vitest";
import type { Score } from "../../../shared/contracts/telemetry.ts";
import { ago, noise, scored, series, situationOf, specWith } from "../judgement/situation.fixture.ts";
import { initialMonitor } from "../state.ts";
import { performance } from "./performance.ts";

type Settings = NonNullable<NonNullable<Parameters<typeof specWith>[0]>["performance"]>;

/** 60 days of one score a day, of which the last 14 are recent. */
function resultOf(settings: Settings, score: (age: number) => Partial<Score>, inputs = {}, days = 60) {
  const spec = specWith({ performance: { min_scores: 5, ...settings } });
  const values = series(74, (i) => (i % 2 === 0 ? 10 : 12));
  return performance(situationOf(spec, { ...scored(spec, days, score), values }, inputs));
}

const isRecent = (age: number) => age < 14;
const signal = (age: number, right: boolean) => ({ mean: 1, actual: right ? 2 + (age % 3) : -2 });

describe("the measures of a performance detector (B-TRN-1)", () => {
  it.each<[Settings["metric"], (age: number) => Partial<Score>, number, number]>([
    ["rmse", (age) => ({ error: isRecent(age) ? -3 : 4 }), 3, Math.sqrt((14 * 9 + 46 * 16) / 60)],
    ["mae", (age) => ({ error: isRecent(age) ? -3 : 4 }), 3, (14 * 3 + 46 * 4) / 60],
    ["mape", (age) => ({ abs_pct_error: isRecent(age) ? 6 : 3 }), 6, (14 * 6 + 46 * 3) / 60],
    ["mase", (age) => ({ error: isRecent(age) ? -3 : 4 }), 1.5, (14 * 3 + 46 * 4) / 60 / 2],
    ["pinball", (age) => ({ pinball: isRecent(age) ? 0.5 : 0.25 }), 0.5, (14 * 0.5 + 46 * 0.25) / 60],
    ["coverage", (age) => ({ in_interval: !isRecent(age) || age % 2 === 0 }), 0.5, 53 / 60],
    ["accuracy", (age) => signal(age, !isRecent(age) || age % 2 === 0), 0.5, 53 / 60],
    ["precision", (age) => signal(age, !isRecent(age) || age % 2 === 0), 0.5, 53 / 60],
  ])("%s", (metric, score, recent, baseline) => {
    const { figures } = resultOf({ metric }, score);
    expect(figures[`${metric}_recent`]).toBeCloseTo(recent, 12);
    expect(figures[`${metric}_baseline`]).toBeCloseTo(baseline, 12);
  });

  it("sharpe is mean over standard deviation of sign(mean) · actual", () => {
    const score = (age: number) => ({ mean: age % 2 === 0 ? 1 : -1, actual: age % 2 === 0 ? 3 : 1 });
    const { figures } = resultOf({ metric: "sharpe" }, score);
    const [win, loss] = [3, -1];
    const std = Math.sqrt((win ** 2 + loss ** 2) / 2 - ((win + loss) / 2) ** 2);
    expect(figures.sharpe_recent).toBeCloseTo((win + loss) / 2 / std, 12);
  });

  it("count only the scores that have what they need", () => {
    const score = (age: number) => (age % 2 === 0 ? { abs_pct_error: 5 } : { abs_pct_error: null });
    expect(resultOf({ metric: "mape" }, score).figures).toMatchObject({ scores_recent: 7, mape_recent: 5 });
  });
});

describe("a performance detector", () => {
  const worse = (age: number) => ({ error: isRecent(age) ? 1.5 : 1 });
  it.each<[string, Settings, (age: number) => Partial<Score>, boolean | null]>([
    ["an error that rose by a third", {}, worse, true],
    ["the same under a threshold of a half", { threshold: 0.5 }, worse, false],
    ["an error that fell", {}, (age) => ({ error: isRecent(age) ? 0.5 : 1 }), false],
    [
      "accuracy that fell by more than 2 %",
      { metric: "accuracy", threshold: 0.02 },
      (age) => signal(age, age > 3),
      true,
    ],
    [
      "accuracy that rose",
      { metric: "accuracy", threshold: 0.02 },
      (age) => signal(age, isRecent(age) || age % 2 === 0),
      false,
    ],
    [
      "coverage that fell",
      { metric: "coverage" },
      (age) => ({ in_interval: age % 3 === 0 || !isRecent(age) }),
      true,
    ],
    ["scores without quantiles", { metric: "pinball" }, () => ({}), null],
    ["a Sharpe ratio of always the same return", { metric: "sharpe" }, () => ({ mean: 1, actual: 1 }), null],
    [
      "a Sharpe ratio that was never above 0",
      { metric: "sharpe" },
      (age) => ({ mean: 1, actual: -1 - (age % 2) }),
      null,
    ],
    [
      "a MASE where nothing is observed a season apart",
      { metric: "mase" },
      () => ({ error: Number.NaN }),
      null,
    ],
  ])("of %s", (_, settings, score, fired) => {
    const result = resultOf(settings, score);
    expect(result.fired).toBe(fired);
    if (fired === null) expect(result.reason).toMatch(/^insufficient: /);
    else expect(result.fired).toBe(result.statistic! >= result.threshold!);
  });

  it("with little to tell by says what there is and what is needed", () => {
    const result = resultOf({ min_scores: 20 }, () => ({}), {}, 10);
    expect(result).toMatchObject({ fired: null, statistic: null, threshold: 0.15 });
    expect(result.reason).toBe("insufficient: 10 scores in the last 14d, 20 are needed");
  });

  it("leaves whole days out that an incident or a rolled-back config reaches into, however late it is told", () => {
    const wild = (age: number) => ({ error: age >= 2 && age < 5 ? 50 : 1 });
    expect(resultOf({}, wild).fired).toBe(true);
    const left_out = [
      { of: "series", why: "incident", from: ago(4.5), to: ago(2.5) },
      { of: "forecaster", why: "rolled-back", from: ago(2), to: ago(1.9) },
    ];
    const calm = resultOf({}, wild, { left_out });
    expect(calm).toMatchObject({ fired: false, figures: { degradation: 0, scores_recent: 10 } });
  });

  it("is judged on nothing while an incident lasts", () => {
    const left_out = [{ of: "forecaster", why: "incident", from: ago(12), to: null }];
    expect(resultOf({}, worse, { left_out })).toMatchObject({ fired: null, figures: { scores_recent: 1 } });
  });
});

describe("a performance detector against the baseline at deployment (B-TRN-1)", () => {
  const against = "deployment" as const;

  it("takes what the live config was validated with, and scores since then alone", () => {
    const deployment = { at: ago(10), validation: { rmse: 1 } };
    const result = resultOf({ against, threshold: 0.02 }, (age) => ({ error: age < 10 ? 1.03 : 9 }), {
      deployment,
    });
    expect(result).toMatchObject({ fired: true, figures: { rmse_baseline: 1, scores_recent: 10 } });
    expect(result.statistic).toBeCloseTo(0.03, 12);
    expect(result.reason).toContain("3.0 % worse than at its deployment");
  });

  it("takes the first scores it was live where it was not validated so, and keeps them beyond the window", () => {
    const spec = specWith({
      performance: { against, metric: "coverage", baseline: "20d", recent: "7d", min_scores: 5 },
    });
    const deployment = { at: ago(50), validation: {} };
    const monitor = scored(spec, 60, (age) => ({ in_interval: age > 3 }), {
      ...initialMonitor("a"),
      deployed_at: Date.parse(deployment.at),
    });
    const result = performance(situationOf(spec, monitor, { deployment }));
    expect(result).toMatchObject({ fired: true, figures: { coverage_baseline: 1, scores_baseline: 7 } });
    expect(result.statistic).toBeCloseTo(4 / 7, 12);
  });

  it.each([
    ["nothing says when it was deployed", null, "it is not known when"],
    ["it is not live long enough", { at: ago(10), validation: {} }, "first 14d after the deployment"],
  ])("cannot tell where %s", (_, deployment, why) => {
    const result = resultOf({ against }, (age) => ({ error: noise(age) }), { deployment });
    expect(result).toMatchObject({ fired: null, reason: expect.stringContaining(why) });
  });
});

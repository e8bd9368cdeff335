import { describe, expect, it } from "vitest";
import {
  ago,
  HOUR_MS,
  NOW_MS,
  noise,
  series,
  situationOf,
  specWith,
} from "../judgement/situation.fixture.ts";
import type { MonitorState, Point } from "../state.ts";
import { drift } from "./drift.ts";
import { meanShift } from "./mean-shift.ts";
import { psi } from "./psi.ts";
import { wasserstein } from "./wasserstein.ts";

const DETECTORS = { drift, psi, wasserstein, mean_shift: meanShift };
type Name = keyof typeof DETECTORS;
/** The figure that says how large a change is. */
const EFFECT: Record<Name, string> = {
  drift: "distance",
  psi: "psi",
  wasserstein: "distance_std",
  mean_shift: "shift",
};
const NAMES = Object.keys(DETECTORS) as Name[];

type Settings = {
  on?: "errors" | "values" | "changes";
  seasonal?: boolean;
  recent?: string;
};
type Step = { step?: string; season_length?: number | "auto"; calendar?: "all" | "weekdays" };

function resultOf(
  name: Name,
  monitor: Partial<MonitorState>,
  settings: Settings = {},
  step: Step = {},
  inputs = {},
) {
  const threshold = name === "mean_shift" || name === "wasserstein" ? { threshold: 0.8 } : {};
  const spec = specWith({ [name]: { enabled: true, ...threshold, ...settings } }, step);
  return DETECTORS[name](situationOf(spec, monitor, inputs));
}

const calm = series(74, (i) => noise(i));
const shifted = series(74, (i, age) => noise(i) + (age < 14 ? 1.5 : 0));

describe.each(NAMES)("%s on two samples", (name) => {
  it.each<[string, Point[], boolean | null]>([
    ["nothing changed", calm, false],
    ["a shift of two and a half standard deviations", shifted, true],
    ["a constant series", series(74, () => 5), false],
    ["four values", shifted.slice(-4), null],
    ["no value", [], null],
  ])("%s", (_, errors, fired) => {
    const result = resultOf(name, { errors });
    expect(result.fired).toBe(fired);
    if (fired === null)
      expect(result).toMatchObject({ statistic: null, reason: expect.stringMatching(/^insufficient: /) });
    else expect(result.fired).toBe(result.statistic! >= result.threshold!);
  });

  it("a constant that jumps is found where it can be measured, and told where it cannot", () => {
    const result = resultOf(name, { values: series(74, (_, age) => (age < 14 ? 6 : 5)) }, { on: "values" });
    if (name === "drift" || name === "psi") expect(result.fired).toBe(true);
    else
      expect(result).toMatchObject({
        fired: null,
        reason: expect.stringContaining("the reference is constant"),
      });
  });

  it("leaves out what lay in an incident of the series, errors and values alike", () => {
    const left_out = [{ of: "series", why: "incident", from: ago(24), to: ago(4) }];
    const points = series(74, (i, age) => noise(i) + (age >= 4 && age <= 24 ? 3 : 0));
    expect(resultOf(name, { errors: points }, { recent: "30d" }).fired).toBe(true);
    for (const on of ["errors", "values"] as const)
      expect(
        resultOf(name, { errors: points, values: points }, { on, recent: "30d" }, {}, { left_out }).fired,
      ).toBe(false);
  });

  it("takes no change across an incident for one", () => {
    const left_out = [{ of: "series", why: "incident", from: ago(9), to: ago(5) }];
    const values = series(74, (i, age) => noise(i) + (age > 9 ? 0 : age > 5 ? Number.NaN : 1e6));
    const result = resultOf(name, { values }, { on: "changes" }, {}, { left_out });
    expect(result).toMatchObject({ fired: false, figures: { points_recent: 9 } });
  });

  it("leaves errors of a rolled-back config out, and not the values observed then", () => {
    const left_out = [{ of: "forecaster", why: "rolled-back", from: ago(14), to: null }];
    expect(resultOf(name, { errors: shifted }, {}, {}, { left_out }).fired).toBe(null);
    expect(resultOf(name, { values: shifted }, { on: "values" }, {}, { left_out }).fired).toBe(true);
  });

  it("sees a window that covers part of a season as another world, and does not once the season is out", () => {
    const hourly = series(30 * 24, (i, age) => noise(i) + 3 * Math.sin((Math.PI * age) / 12), HOUR_MS);
    const window = { on: "values", recent: "10h" } as const;
    const step = { step: "1h", season_length: 24 };
    const raw = resultOf(name, { values: hourly }, window, step);
    const adjusted = resultOf(name, { values: hourly }, { ...window, seasonal: true }, step);
    expect(adjusted.fired).toBe(false);
    expect(adjusted.figures[EFFECT[name]]).toBeLessThan(raw.figures[EFFECT[name]] as number);
  });

  it("looks at what the spec watches besides, and lets the loudest lead", () => {
    const trigger = {
      also_watch: [{ metric: "cpu" }, { metric: "cpu", entity: "web-1" }],
      [name]: {
        enabled: true,
        on: "values",
        ...(name === "mean_shift" || name === "wasserstein" ? { threshold: 0.8 } : {}),
      },
    };
    const watched = { cpu: calm, "cpu of web-1": shifted };
    const result = DETECTORS[name](situationOf(specWith(trigger), { values: calm, watched }));
    expect(result).toMatchObject({ fired: true, figures: { sample: "cpu of web-1" } });
  });
});

describe("drift", () => {
  it("takes minus the logarithm of p for its statistic, and nothing while the change is too small to matter", () => {
    const { statistic, threshold, figures } = resultOf("drift", { errors: shifted });
    expect(threshold).toBeCloseTo(-Math.log10(0.05), 12);
    expect(statistic).toBeCloseTo(-Math.log10(figures.p_value as number), 12);
    const small = resultOf("drift", {
      errors: series(74 * 13, (i, age) => noise(i) + (age < 182 ? 0.2 : 0), (24 / 13) * HOUR_MS),
    });
    expect(small).toMatchObject({ fired: false, statistic: 0, severity: "low" });
    expect(small.figures.p_value).toBeLessThan(0.05);
  });

  it("tells the test of every sample", () => {
    const spec = specWith({ also_watch: [{ metric: "cpu" }, { metric: "ram" }], drift: { on: "values" } });
    const { tests } = drift(situationOf(spec, { values: calm, watched: { cpu: shifted } }));
    expect(tests).toMatchObject([
      { sample: "value", fired: false },
      { sample: "cpu", fired: true, severe: true },
    ]);
  });

  it("of a weekly season on weekdays takes it out by weekday", () => {
    const isWeekday = ([at]: Point) => ![0, 6].includes(new Date(at).getUTCDay());
    const weekly = series(120, (i) => noise(i))
      .filter(isWeekday)
      .map(([at, value, sequence]): Point => [at, value + 4 * new Date(at).getUTCDay(), sequence]);
    const window = { on: "values", recent: "14d", seasonal: true } as const;
    const step = { season_length: 5, calendar: "weekdays" } as const;
    expect(weekly.at(-1)![0]).toBeLessThan(NOW_MS);
    const { figures } = resultOf("drift", { values: weekly }, window, step);
    const plain = resultOf(
      "drift",
      { values: weekly.map(([at, value, n]): Point => [at, value - 4 * new Date(at).getUTCDay(), n]) },
      { on: "values" },
      step,
    );
    expect(figures.autocorrelation_time).toBeLessThan(2);
    expect(figures.distance).toBeCloseTo(plain.figures.distance as number, 0);
  });

  it("without three seasons to learn from cannot tell", () => {
    const result = resultOf(
      "drift",
      { values: series(40 * 24, (i) => noise(i), HOUR_MS) },
      { on: "values", seasonal: true },
      { step: "1h", season_length: 24 * 14 },
    );
    expect(result).toMatchObject({ fired: null, reason: expect.stringContaining("no three seasons") });
  });
});

describe("mean shift (B-TRN-1)", () => {
  it("of 0.1 standard deviations fires on its own, and not where two standard errors are asked for", () => {
    const errors = series(74, (i, age) => noise(i) + (age < 14 ? 0.15 : 0));
    const shiftOf = (settings: object) =>
      meanShift(situationOf(specWith({ mean_shift: { enabled: true, ...settings } }), { errors }));
    expect(shiftOf({}).thresholds.threshold).toBe(0.1);
    expect(shiftOf({}).fired).toBe(true);
    expect(shiftOf({ min_z: 3 })).toMatchObject({ fired: false, statistic: 0 });
  });
});

import { describe, expect, it } from "vitest";
import { ago, noise, series, situationOf, specWith } from "../judgement/situation.fixture.ts";
import type { Point } from "../state.ts";
import { adwin } from "./adwin.ts";
import { pageHinkley } from "./page-hinkley.ts";

const DETECTORS = { page_hinkley: pageHinkley, adwin };
type Name = keyof typeof DETECTORS;
const NAMES = Object.keys(DETECTORS) as Name[];

function resultOf(name: Name, errors: readonly Point[], settings = {}, inputs = {}) {
  const spec = specWith({ [name]: { enabled: true, window: "200d", ...settings } });
  return DETECTORS[name](situationOf(spec, { errors: [...errors], values: [...errors] }, inputs));
}

const calm = series(200, (i) => noise(i));
const risen = series(200, (i, age) => noise(i) * (age < 60 ? 4 : 1));
const fallen = series(200, (i, age) => noise(i) * (age < 60 ? 0.2 : 1));

describe.each(NAMES)("%s, on a stream", (name) => {
  it.each<[string, Point[], object, boolean | null]>([
    ["errors as large as ever", calm, {}, false],
    ["errors that became larger", risen, {}, true],
    ["errors that became smaller", fallen, {}, false],
    ["errors that became smaller, both ways watched", fallen, { direction: "both" }, true],
    ["a level that rose", series(200, (i, age) => noise(i) + (age < 60 ? 2 : 0)), { on: "values" }, true],
    ["a trend's changes", series(200, (i) => 5 * i + noise(i)), { on: "changes" }, false],
    ["a constant", series(200, () => 3), {}, false],
    ["29 errors", risen.slice(-29), {}, null],
    ["nothing", [], {}, null],
  ])("%s", (_, errors, settings, fired) => {
    const result = resultOf(name, errors, settings);
    expect(result.fired).toBe(fired);
    if (fired === null) expect(result.reason).toMatch(/^insufficient: /);
    else expect(result.fired).toBe(result.statistic! >= result.threshold!);
  });

  it("is answered by a search: only what came after it counts", () => {
    expect(resultOf(name, risen, {}, { last_optimized_at: ago(190) }).fired).toBe(true);
    expect(resultOf(name, risen, {}, { last_optimized_at: ago(50) }).fired).toBe(false);
    expect(resultOf(name, risen, {}, { last_optimized_at: ago(10) }).fired).toBe(null);
  });

  it("leaves incidents out, in whatever past they were", () => {
    const left_out = [{ of: "series", why: "incident", from: ago(60), to: null }];
    expect(resultOf(name, risen, {}, { left_out }).fired).toBe(false);
  });
});

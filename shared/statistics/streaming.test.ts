import { describe, expect, it } from "vitest";
import { ADWIN_DEFAULTS, type AdwinParams, type AdwinState, initialAdwin, updateAdwin } from "./adwin.ts";
import { autoregressive, uniforms } from "./lcg.fixture.ts";
import {
  initialPageHinkley,
  PAGE_HINKLEY_DEFAULTS,
  type PageHinkleyParams,
  updatePageHinkley,
} from "./page-hinkley.ts";

/** Standardised noise: up by 1 from value 1000 on, down by 1.7 from 2000 on. */
const steps = uniforms(22, 3000).map((u, i) => (u - 0.5) * 3.46 + (i < 1000 ? 0 : i < 2000 ? 1 : -0.7));
/** Uniform noise, up by 0.5 from value 800 on. */
const step = uniforms(21, 1500).map((u, i) => (i < 800 ? u : u + 0.5));

describe("Page-Hinkley (A-TRG)", () => {
  it.each([
    ["both sides", {}, [1018, 2021]],
    ["rises; 443 and 1344 are false", { threshold: 20, direction: "up" }, [443, 1017, 1344]],
    ["falls; 224 and 868 are false", { threshold: 20, direction: "down", delta: 0.05 }, [224, 868, 2016]],
  ] as const)("alarms where River 0.26.1 does: %s", (_, params, expected) => {
    expect(pageHinkleyAlarms(steps, params)).toEqual(expected);
  });
  it("waits for minInstances, however large the change", () =>
    expect(pageHinkleyAlarms([...Array<number>(5).fill(0), ...Array<number>(30).fill(1e6)])).toEqual([29]));
  it("says nothing about a constant stream", () =>
    expect(pageHinkleyAlarms(Array<number>(500).fill(7), { delta: 0, threshold: 1e-9 })).toEqual([]));
  it("refuses what is not finite", () =>
    expect(() => updatePageHinkley(initialPageHinkley(), Number.NaN, PAGE_HINKLEY_DEFAULTS)).toThrow("NaN"));
});

describe("ADWIN (A-TRG)", () => {
  it.each([
    ["defaults", {}, [[831, 320]]],
    ["checked at every value", { delta: 0.05, clock: 1 }, [[818, 499]]],
  ] as const)("cuts where River 0.26.1 does: %s", (_, params, expected) => {
    expect(adwinAlarms(step, params)).toEqual(expected);
  });
  it("cries wolf on AR(0.8) as often as River 0.26.1: 21 times in 4,000 values without a change", () => {
    const alarms = adwinAlarms(autoregressive(31, 4000, 0.8));
    expect(alarms).toHaveLength(21);
    expect(alarms.slice(0, 3)).toEqual([
      [159, 128],
      [479, 160],
      [671, 160],
    ]);
  });
  it("holds the exact sum, variance and width of its window", () => {
    const state = fold(uniforms(5, 1000).map((u) => 1e6 + u));
    const mean = state.sum / state.width;
    const values = uniforms(5, 1000).map((u) => 1e6 + u);
    expect(state.width).toBe(1000);
    expect(state.squares).toBeCloseTo(
      values.reduce((sum, x) => sum + (x - mean) ** 2, 0),
      4,
    );
    expect(state.rows.flatMap((row, r) => row.map(() => 2 ** r)).reduce((a, b) => a + b)).toBe(1000);
  });
  it("stays small over 100,000 values and lives in JSON", () => {
    const state = fold(uniforms(6, 100_000));
    expect(state.rows.flat().length).toBeLessThanOrEqual(5 * 18);
    expect(JSON.stringify(state).length).toBeLessThan(5_000);
    const again = JSON.parse(JSON.stringify(state)) as AdwinState;
    expect(updateAdwin(again, 0.5, ADWIN_DEFAULTS)).toEqual(updateAdwin(state, 0.5, ADWIN_DEFAULTS));
  });
  it("does not change the state it is given", () => {
    const state = fold(uniforms(7, 100));
    const copy = structuredClone(state);
    updateAdwin(state, 5, ADWIN_DEFAULTS);
    expect(state).toEqual(copy);
  });
  it("says nothing about a constant stream", () =>
    expect(adwinAlarms(Array<number>(2000).fill(3))).toEqual([]));
  it("refuses what is not finite", () =>
    expect(() => updateAdwin(initialAdwin(), Number.POSITIVE_INFINITY, ADWIN_DEFAULTS)).toThrow("Infinity"));
});

function pageHinkleyAlarms(values: readonly number[], params: Partial<PageHinkleyParams> = {}): number[] {
  let state = initialPageHinkley();
  return values.flatMap((value, i) => {
    const next = updatePageHinkley(state, value, { ...PAGE_HINKLEY_DEFAULTS, ...params });
    state = next.state;
    return next.alarm ? [i] : [];
  });
}

/** Index of each alarm with the window's width then; the window starts anew after an alarm, as River's does. */
function adwinAlarms(values: readonly number[], params: Partial<AdwinParams> = {}): [number, number][] {
  let state = initialAdwin();
  return values.flatMap((value, i): [number, number][] => {
    const next = updateAdwin(state, value, { ...ADWIN_DEFAULTS, ...params });
    state = next.alarm ? initialAdwin() : next.state;
    return next.alarm ? [[i, next.state.width]] : [];
  });
}

function fold(values: readonly number[]): AdwinState {
  return values.reduce((state, value) => updateAdwin(state, value, ADWIN_DEFAULTS).state, initialAdwin());
}

import { describe, expect, it } from "vitest";
import { alarmsOf, averageRunLength } from "./alarms.ts";
import { adjustPValues, discoveries } from "./benjamini-hochberg.ts";
import { circularBlockBootstrap, seasonalBlockBootstrap, stationaryBootstrap } from "./block-bootstrap.ts";
import { optimalBlockLengths } from "./block-length.ts";
import { autoregressive } from "./lcg.fixture.ts";

describe("false-discovery control (A-TRG) against scipy 1.17.1, false_discovery_control", () => {
  const p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.04];
  it.each([
    ["benjamini-hochberg", [0.03, 0.048, 0.048, 0.03, 0.5, 0.048]],
    ["benjamini-yekutieli", [0.0735, 0.1176, 0.1176, 0.0735, 1, 0.1176]],
  ] as const)("%s", (method, expected) => {
    for (const [i, each] of adjustPValues(p, method).entries()) expect(each).toBeCloseTo(expected[i]!, 12);
  });
  it("names the discoveries", () =>
    expect(discoveries(p, 0.04)).toEqual([true, false, false, true, false, false]));
  it("of nothing is nothing", () => expect(adjustPValues([])).toEqual([]));
  it.each([Number.NaN, -0.1, 1.1])("refuses %d", (bad) =>
    expect(() => adjustPValues([0.5, bad])).toThrow("p-value 1 lies in 0 … 1"),
  );
});

describe("block bootstrap (A-FUT-3)", () => {
  it("stationary: blocks have the mean length asked for, every value is drawn about as often", () => {
    const indexes = stationaryBootstrap(50, 10, 7, 100_000);
    let blocks = 0;
    const counts = new Array<number>(50).fill(0);
    for (const [t, index] of indexes.entries()) {
      if (t === 0 || index !== (indexes[t - 1]! + 1) % 50) blocks += 1;
      counts[index]! += 1;
    }
    // One start in fifty goes on where the last block ended.
    expect(100_000 / blocks).toBeCloseTo(10 * (50 / 49), 0);
    expect(Math.min(...counts)).toBeGreaterThan(1_600);
    expect(Math.max(...counts)).toBeLessThan(2_400);
  });
  it("circular: whole blocks, closed to a ring", () => {
    const indexes = circularBlockBootstrap(10, 4, 3, 4_000);
    for (let t = 0; t < 4_000; t += 1) if (t % 4 !== 0) expect(indexes[t]).toBe((indexes[t - 1]! + 1) % 10);
    expect(new Set(indexes).size).toBe(10);
  });
  it("seasonal: every value keeps its phase, no block runs over the end", () => {
    const indexes = seasonalBlockBootstrap(100, 7, 10, 5, 3_000);
    for (const [t, index] of indexes.entries()) expect(index % 7).toBe(t % 7);
    expect(Math.min(...indexes)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...indexes)).toBeLessThan(100);
    expect(new Set(indexes).size).toBe(100);
  });
  it("the same key gives the same series, another one another", () => {
    expect(stationaryBootstrap(30, 5, 1)).toEqual(stationaryBootstrap(30, 5, 1));
    expect(stationaryBootstrap(30, 5, 1)).not.toEqual(stationaryBootstrap(30, 5, 2));
  });
  it("refuses what cannot be drawn", () => {
    expect(() => stationaryBootstrap(0, 5, 1)).toThrow("1 value or more");
    expect(() => circularBlockBootstrap(5, 0, 1)).toThrow("1 step or longer");
    expect(() => seasonalBlockBootstrap(12, 7, 10, 1)).toThrow("too short for blocks of 10");
  });
});

// The paper's m is the last significant lag; arch 8.0.0 takes the first insignificant one. These figures are from its
// code with the paper's m.
describe("block length against arch, optimal_block_length", () => {
  it.each([
    [0, 0.5167350084350646, 0.5915139237815344],
    [0.5, 9.22385781463964, 10.558681411704846],
    [0.8, 23.99313116466271, 27.465278967639616],
    [0.95, 43.13265660283473, 49.37456633242692],
  ])("AR(%d), 1,000 values", (phi, stationary, circular) => {
    const lengths = optimalBlockLengths(autoregressive(11, 1000, phi));
    expect(lengths.stationary).toBeCloseTo(Math.max(1, stationary), 9);
    expect(lengths.circular).toBeCloseTo(Math.max(1, circular), 9);
  });
  it.each([
    ["a constant series", Array<number>(100).fill(2)],
    ["seven values", [1, 2, 3, 4, 5, 6, 7]],
  ])("of %s is 1", (_, values) =>
    expect(optimalBlockLengths(values)).toEqual({ stationary: 1, circular: 1 }),
  );
});

describe("alarms a person gets", () => {
  it.each([
    [1, [0, 1, 2, 5, 8]],
    [2, [0, 2, 5, 8]],
    [4, [0, 5]],
  ])("with a cool-down of %d evaluations", (coolDown, expected) => {
    expect(alarmsOf([1, 1, 1, 0, 0, 1, 0, 0, 1], coolDown)).toEqual(expected);
  });
  it("run length of none is not told", () => {
    expect(averageRunLength(100, 0)).toBeNull();
    expect(averageRunLength(100, 4)).toBe(25);
  });
  it("refuses a cool-down of nothing", () => expect(() => alarmsOf([], 0)).toThrow("above 0"));
});

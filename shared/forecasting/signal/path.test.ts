import { describe, expect, it } from "vitest";
import { signalFeatures } from "./features.ts";
import { pricePath, usualMove } from "./path.ts";
import { regimes, START_MS } from "./signal.fixture.ts";

const NA = Number.NaN;
const close = regimes(7, 0, 0, 300);
const REACH = 73;
const T = 200;

/** The price, with the bars missing that `gone` names by how long before bar 200 they are. */
function without(gone: (back: number) => boolean): Float64Array {
  return close.slice(0, T + 1).map((price, t) => (gone(T - t) ? NA : price));
}

function moveOf(values: Float64Array, reach = REACH): number {
  return usualMove(pricePath(values, "price"), values.length - 1, 1, "price", reach);
}

describe("the usual move of a path with gaps (B-TRN-2)", () => {
  const full = moveOf(without(() => false));

  it("is the root mean square of the last 24 changes where nothing is missing", () => {
    let squares = 0;
    for (let back = 0; back < 24; back += 1)
      squares += Math.log(close[T - back]! / close[T - back - 1]!) ** 2;
    expect(full).toBe(Math.sqrt(squares / 24));
  });

  it.each<[string, (back: number) => boolean]>([
    ["a weekend before the newest bar", (back) => back >= 1 && back <= 48],
    ["a weekend and no bar since", (back) => back < 48],
    ["half a day", (back) => back >= 3 && back < 15],
    ["every second bar", (back) => back % 2 === 1],
    ["two bars of three", (back) => back % 3 !== 0],
  ])("stays within a third of the full path's with gaps: %s", (_, gone) => {
    expect(moveOf(without(gone)) / full).toBeGreaterThan(0.67);
    expect(moveOf(without(gone)) / full).toBeLessThan(1.5);
  });

  it("is the same of a long history and of the context that is served", () => {
    const weekend = without((back) => back >= 1 && back <= 48);
    const served = weekend.slice(-REACH);
    expect(moveOf(served)).toBe(moveOf(weekend));
    const featuresOf = (values: Float64Array) =>
      signalFeatures(pricePath(values, "price"), values.length - 1, START_MS, [], REACH);
    expect(featuresOf(served)).toEqual(featuresOf(weekend));
  });

  it("scales the features too, so that silence is no division by 0", () => {
    const silent = pricePath(
      without((back) => back < 48),
      "price",
    );
    expect(signalFeatures(silent, T, START_MS, [], REACH)[0]).toBe(0);
  });

  it("of changes leaves the missing ones out", () => {
    const changes = close.slice(1, T + 1).map((price, t) => (t % 2 === 0 ? NA : Math.log(price / close[t]!)));
    const path = pricePath(changes, "change");
    let squares = 0;
    for (let back = 0; back < 48; back += 2) squares += changes[T - 1 - back]! ** 2;
    expect(usualMove(path, T - 1, 1, "change", REACH)).toBeCloseTo(Math.sqrt(squares / 24), 12);
  });

  it("is 0 of a path too short to tell, and of one that does not move", () => {
    expect(moveOf(close.slice(0, 24))).toBe(0);
    expect(moveOf(new Float64Array(40).fill(5))).toBe(0);
  });
});

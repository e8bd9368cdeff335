import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomKey, uniform, uniformAt } from "./random.ts";

describe("counter-based random numbers", () => {
  it("never change: recorded forecasts depend on them", () => {
    expect([
      uniform(1, 1, 0),
      uniform(1, 1, 1),
      uniform(1, 2, 0),
      uniform(2, 1, 0),
      uniform(1_700_000_000_000, 3),
    ]).toMatchInlineSnapshot(`
      [
        0.9968247815268114,
        0.6530035530449823,
        0.7932538728928193,
        0.40243976132478565,
        0.2679678954882547,
      ]
    `);
  });

  it("lie strictly inside (0, 1) for any integers", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer(), fc.integer(), (seed, step, sample) => {
        const u = uniform(seed, step, sample);
        return u > 0 && u < 1 && u === uniformAt(randomKey(seed, step), sample);
      }),
    );
  });

  it("depend on the order of the counters", () => {
    expect(uniform(1, 2, 3)).not.toBe(uniform(1, 3, 2));
    expect(randomKey(0, 1)).not.toBe(randomKey(1, 0));
    expect(randomKey(5)).not.toBe(randomKey(5 + 2 ** 32));
  });

  it.each([[0], [1], [2], [12_345]])("are uniform and uncorrelated from draw to draw (seed %i)", (seed) => {
    const n = 20_000;
    const draws = Array.from({ length: n }, (_, i) => uniform(seed, 7, i));
    const bins = new Array<number>(50).fill(0);
    for (const u of draws) bins[Math.floor(u * 50)]! += 1;
    const chiSquare = bins.reduce((sum, count) => sum + (count - n / 50) ** 2 / (n / 50), 0);
    expect(chiSquare).toBeLessThan(95); // 49 degrees of freedom: p = 1e-4
    let lagged = 0;
    for (let i = 1; i < n; i += 1) lagged += (draws[i]! - 0.5) * (draws[i - 1]! - 0.5) * 12;
    expect(Math.abs(lagged / n)).toBeLessThan(0.03);
  });

  it("are uncorrelated between neighbouring steps and seeds", () => {
    const n = 20_000;
    for (const [a, b] of [
      [randomKey(1, 1), randomKey(1, 2)],
      [randomKey(1, 1), randomKey(2, 1)],
    ] as const) {
      let product = 0;
      for (let i = 0; i < n; i += 1) product += (uniformAt(a, i) - 0.5) * (uniformAt(b, i) - 0.5) * 12;
      expect(Math.abs(product / n)).toBeLessThan(0.03);
    }
  });
});

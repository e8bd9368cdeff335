import { describe, expect, it } from "vitest";
import { autocorrelationTime, effectiveSize } from "./autocorrelation.ts";
import { ksDistance, ksDistanceOfSorted, ksDistanceTo, ksReference } from "./ks-distance.ts";
import { isAtLeast, ksSeverity } from "./ks-severity.ts";
import { kolmogorovTail, ksTwoSample } from "./ks-two-sample.ts";
import { autoregressive, uniforms } from "./lcg.fixture.ts";

describe("two-sample KS against scipy 1.17.1, ks_2samp(method='exact')", () => {
  for (const [name, sample, reference, distance, pValue] of [
    ["interleaved", [1, 2, 3, 4, 5], [1.5, 2.5, 6, 7, 8, 9], 0.6666666666666666, 0.10822510822510821],
    ["disjoint", [1, 2, 3], [4, 5, 6, 7], 1, 0.05714285714285715],
    ["no difference, 20 and 20", uniforms(1, 20), uniforms(2, 20), 0.15, 0.9831368772656193],
    [
      "shifted, 60 and 14",
      uniforms(3, 60),
      uniforms(4, 14).map((x) => x + 0.3),
      0.4976190476190476,
      0.004187488152086284,
    ],
    [
      "stretched, 1000 and 900",
      uniforms(5, 1000),
      uniforms(6, 900).map((x) => x * 1.08),
      0.07977777777777778,
      0.0045038367017916974,
    ],
  ] as const) {
    it(name, () => {
      const result = ksTwoSample(sample, reference);
      expect(result.method).toBe("exact");
      expect(result.distance).toBeCloseTo(distance, 12);
      expect(result.pValue).toBeCloseTo(pValue, 9);
      expect(ksTwoSample(reference, sample).pValue).toBeCloseTo(pValue, 9);
    });
  }
});

describe("two-sample KS by the limit law", () => {
  it.each([
    [0.2, 0.999999999999495],
    [0.5, 0.9639452436648751],
    [1.17, 0.12939004218561884],
    [1.19, 0.11774229287977166],
    [2, 0.0006709252557796953],
    [3, 3.045995948942526e-8],
  ])("P(K > %d) is that of scipy.special.kolmogorov", (lambda, expected) => {
    expect(kolmogorovTail(lambda)).toBeCloseTo(expected, 14);
  });

  it("comes within 2 % of scipy beyond 1,000 values", () => {
    const result = ksTwoSample(
      uniforms(7, 5000),
      uniforms(8, 4000).map((x) => x + 0.02),
    );
    expect(result.method).toBe("asymptotic");
    expect(result.distance).toBeCloseTo(0.02725, 12);
    expect(Math.abs(result.pValue / 0.0724396808077744 - 1)).toBeLessThan(0.02);
  });

  it("takes over where values are tied, with scipy's D", () => {
    const result = ksTwoSample([1, 2, 2, 3, 3, 3], [2, 3, 3, 4, 4]);
    expect(result).toMatchObject({ method: "asymptotic", distance: 0.4 });
    expect(result.pValue).toBeGreaterThan(0.5);
  });

  it("sees a tie behind the end of the other sample", () =>
    expect(ksTwoSample([1, 2], [3, 4, 4]).method).toBe("asymptotic"));

  it("finds nothing between a sample and itself", () =>
    expect(ksTwoSample([1, 2, 3], [1, 2, 3])).toMatchObject({ distance: 0, pValue: 1 }));
});

describe("D without sorting is D by sorting", () => {
  const normal = (seed: number, n: number) =>
    Array.from({ length: n }, (_, i) => uniforms(seed + i, 12).reduce((sum, u) => sum + u, -6));
  it.each([
    ["uniform", uniforms(1, 20_000), uniforms(2, 15_000)],
    ["normal, a tenth of a std apart", normal(3, 6_000), normal(90_000, 5_000).map((x) => x + 0.1)],
    [
      "heavy tails",
      uniforms(5, 20_000).map((u) => 1 / (u - 0.5)),
      uniforms(6, 9_000).map((u) => 1.1 / (u - 0.5)),
    ],
    [
      "five values",
      uniforms(7, 9_000).map((u) => Math.floor(5 * u)),
      uniforms(8, 9_000).map((u) => Math.floor(5 * u * u)),
    ],
    ["one value", Array<number>(5_000).fill(3), Array<number>(5_000).fill(3)],
    ["one value each", Array<number>(5_000).fill(3), Array<number>(5_000).fill(4)],
    ["nothing in common", uniforms(9, 5_000), uniforms(10, 5_000).map((u) => u + 2)],
    [
      "all but a few in a speck",
      [...uniforms(11, 9_000).map((u) => 5 + u * 1e-9), 1e300, -1e300],
      uniforms(12, 9_000).map((u) => 5 + u * 1.1e-9),
    ],
    [
      "infinities",
      [...uniforms(13, 5_000), ...Array<number>(90).fill(Infinity)],
      [...uniforms(14, 5_000), -Infinity],
    ],
    [
      "zeros of both signs",
      uniforms(15, 5_000).map((u) => (u < 0.5 ? -0 : 0)),
      uniforms(16, 5_000).map(() => 0),
    ],
    ["one against many", [0.3], uniforms(17, 9_000)],
  ] as const)("%s", (_, first, second) => {
    const [a, b] = [Float64Array.from(first), Float64Array.from(second)];
    const { distance } = ksDistanceOfSorted(a.toSorted(), b.toSorted());
    expect(ksDistance(a, b)).toBe(distance);
    expect(ksDistance(b, a)).toBe(distance);
    expect(ksDistanceTo(a, ksReference(b))).toBe(distance);
  });

  it("a prepared reference gives the same test", () => {
    const series = autoregressive(18, 1_500, 0.6);
    const [reference, recent] = [series.slice(0, 1_300), series.slice(1_300)];
    for (const effectiveSize of [true, false])
      expect(ksTwoSample(recent, ksReference(reference, { effectiveSize }))).toEqual(
        ksTwoSample(recent, reference, { effectiveSize }),
      );
  });
});

describe("two-sample KS on bad input", () => {
  it("refuses an empty sample", () => expect(() => ksTwoSample([], [1])).toThrow("the sample is empty"));
  it("refuses NaN", () => {
    expect(() => ksTwoSample([1], [1, Number.NaN])).toThrow("the reference holds NaN");
    expect(() => ksTwoSample([...uniforms(1, 5_000), Number.NaN], [1])).toThrow("the sample holds NaN");
    expect(() => ksReference([Number.NaN])).toThrow("the reference holds NaN");
  });
});

describe("autocorrelation (A-TRG-2 must not cry wolf)", () => {
  it("time of white noise is about 1", () =>
    expect(autocorrelationTime(uniforms(9, 2000))).toBeLessThan(1.3));
  it("time of AR(0.8) is about (1 + φ) / (1 − φ) = 9", () => {
    expect(autocorrelationTime(autoregressive(10, 4000, 0.8))).toBeGreaterThan(7);
    expect(autocorrelationTime(autoregressive(10, 4000, 0.8))).toBeLessThan(11);
  });
  it.each([
    ["an alternating series", [1, -1, 1, -1, 1, -1, 1, -1]],
    ["a constant series", [3, 3, 3, 3, 3]],
    ["three values", [1, 2, 3]],
  ])("time of %s is 1", (_, values) => expect(autocorrelationTime(values)).toBe(1));
  it("size is n / τ^0.72", () => expect(effectiveSize(100, 9)).toBeCloseTo(100 / 9 ** 0.72, 12));

  it("leaves independent values to the exact test", () => {
    const alternating = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? i : -i));
    expect(ksTwoSample([0.5, 1.5, 2.5], alternating, { effectiveSize: true }).method).toBe("exact");
  });

  it("false alarms on AR(0.8) without any change: 30 % and more plain, under 8 % with effective sizes", () => {
    let plain = 0;
    let effective = 0;
    for (let seed = 1; seed <= 300; seed += 1) {
      const series = autoregressive(seed * 7919, 400, 0.8);
      const [reference, recent] = [series.slice(0, 300), series.slice(300)];
      if (ksTwoSample(recent, reference).pValue < 0.05) plain += 1;
      if (ksTwoSample(recent, reference, { effectiveSize: true }).pValue < 0.05) effective += 1;
    }
    expect(plain / 300).toBeGreaterThan(0.3);
    expect(effective / 300).toBeLessThan(0.08);
  });

  it("a real shift of one standard deviation in AR(0.8) still alarms most of the time", () => {
    let alarms = 0;
    for (let seed = 1; seed <= 100; seed += 1) {
      const series = autoregressive(seed * 104729, 900, 0.8);
      const recent = series.slice(700).map((value) => value + 1 / 0.6);
      if (ksTwoSample(recent, series.slice(0, 700), { effectiveSize: true }).pValue < 0.05) alarms += 1;
    }
    expect(alarms).toBeGreaterThan(75);
  });
});

describe("severity of a distance", () => {
  const from = { low: 0.1, medium: 0.2, high: 0.35 };
  it.each([
    [0.05, undefined],
    [0.1, "low"],
    [0.2, "medium"],
    [0.34, "medium"],
    [1, "high"],
  ])("D = %d", (distance, expected) => expect(ksSeverity(distance, from)).toBe(expected));
  it("below low is at least nothing", () => expect(isAtLeast(undefined, "low")).toBe(false));
  it("high is at least medium", () => expect(isAtLeast("high", "medium")).toBe(true));
});

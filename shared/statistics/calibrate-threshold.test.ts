import { describe, expect, it } from "vitest";
import { alarmsOf } from "./alarms.ts";
import { type Calibration, type CalibrationInput, calibrateThreshold } from "./calibrate-threshold.ts";
import { autoregressive } from "./lcg.fixture.ts";
import { moments } from "./sample.ts";

const [RECENT, REFERENCE, EVERY, PERIOD] = [24, 96, 4, 24];

/** |mean(recent) − mean(reference)| in stds of the reference, every 4 steps. */
function statistics(series: Float64Array): Float64Array {
  const figures: number[] = [];
  for (let end = RECENT + REFERENCE; end <= series.length; end += EVERY) {
    const recent = moments(series.subarray(end - RECENT, end));
    const reference = moments(series.subarray(end - RECENT - REFERENCE, end - RECENT));
    figures.push(Math.abs(recent.mean - reference.mean) / reference.std);
  }
  return Float64Array.from(figures);
}

/** AR(1) with a daily season as tall as its noise. */
function seasonal(seed: number, n: number, phi: number): Float64Array {
  return Float64Array.from(
    autoregressive(seed, n, phi),
    (x, t) => x + Math.sqrt(1 / (1 - phi ** 2)) * Math.sin((2 * Math.PI * t) / PERIOD),
  );
}

function input(history: Float64Array, changed: Partial<CalibrationInput> = {}): CalibrationInput {
  return {
    history,
    period: PERIOD,
    statistics: (indexes) => statistics(Float64Array.from(indexes, (i) => history[i]!)),
    alarms: 1,
    per: 200,
    coolDown: 6,
    seed: 7,
    ...changed,
  };
}

describe("calibration by a false-alarm budget (A-FUT-3)", () => {
  it.each([[0], [0.6], [0.8]])(
    "holds the budget on 12 later stretches without change, AR(%d) with a season",
    (phi) => {
      let [alarms, evaluations] = [0, 0];
      for (let seed = 1; seed <= 12; seed += 1) {
        const { threshold } = found(input(seasonal(seed * 7919, 1_440, phi)));
        const later = statistics(seasonal(seed * 104_729, 2_400, phi));
        alarms += alarmsOf(
          later.map((x) => Number(x >= threshold)),
          6,
        ).length;
        evaluations += later.length;
      }
      expect((alarms * 200) / evaluations).toBeLessThanOrEqual(1);
      expect(alarms).toBeGreaterThan(0);
    },
  );

  it("says how it came to the threshold, and the same for the same seed", () => {
    const history = seasonal(3, 1_440, 0.6);
    const calibration = found(input(history));
    expect(calibration.achieved).toBeLessThanOrEqual(0.5);
    expect(calibration.achieved).toBeGreaterThan(0.4);
    expect(calibration.alarms).toBe(Math.round((calibration.achieved * calibration.evaluations) / 200));
    expect(calibration.blockLength).toBeGreaterThanOrEqual(PERIOD);
    expect(calibrateThreshold(input(history))).toEqual(calibration);
    expect(calibrateThreshold(input(history, { seed: 8 }))).not.toEqual(calibration);
  });

  it("a smaller budget and a longer memory raise the threshold", () => {
    const threshold = (phi: number, per: number) => found(input(seasonal(5, 1_440, phi), { per })).threshold;
    expect(threshold(0.6, 400)).toBeGreaterThan(threshold(0.6, 100));
    expect(threshold(0.8, 200)).toBeGreaterThan(threshold(0.2, 200));
  });

  it("evaluations that cannot tell neither alarm nor count", () => {
    const history = seasonal(6, 1_440, 0.3);
    const half = input(history, {
      replicates: 60,
      statistics: (indexes) =>
        statistics(Float64Array.from(indexes, (i) => history[i]!)).map((x, k) =>
          k % 2 === 0 ? x : Number.NaN,
        ),
    });
    const { evaluations, threshold } = found(half);
    expect(evaluations).toBe(60 * Math.ceil((1_440 - 120 + 4) / 4 / 2));
    expect(threshold).toBeGreaterThan(0);
  });

  const history = seasonal(9, 1_440, 0.5);
  it.each([
    ["one season", input(history.subarray(0, 30)), "30 values are fewer than two seasons of 24"],
    ["long blocks", input(history, { blockLength: 500 }), "1440 values are fewer than 4 blocks of 500"],
    [
      "no telling",
      input(history, { statistics: () => [Number.NaN] }),
      "no evaluation over 1440 values can tell",
    ],
    ["a tiny budget", input(history, { per: 1e6, replicates: 20 }), "5 are needed to tell a threshold"],
    [
      "a flag",
      input(history, { statistics: () => new Float64Array(99).fill(1) }),
      "its largest value more often",
    ],
  ] as [string, CalibrationInput, string][])("finds none from %s, and says why", (_, given, reason) => {
    expect(calibrateThreshold(given)).toEqual({ threshold: null, reason: expect.stringContaining(reason) });
  });

  it("refuses a budget of nothing and a history with NaN", () => {
    expect(() => calibrateThreshold(input(history, { alarms: 0 }))).toThrow("a budget is positive");
    expect(() => calibrateThreshold(input(history.with(3, Number.NaN)))).toThrow("holds NaN");
  });
});

function found(given: CalibrationInput): Calibration {
  const calibration = calibrateThreshold(given);
  if (calibration.threshold === null) throw new Error(calibration.reason);
  return calibration;
}

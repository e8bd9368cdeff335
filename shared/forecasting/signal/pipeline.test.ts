import { describe, expect, it } from "vitest";
import { superiorityPValue } from "../../strategy/superiority.ts";
import { logLosses, signalMeasures } from "./measures.ts";
import { type SignalTraining, signalProbabilities, trainSignal } from "./pipeline.ts";
import { type SignalRows, signalRows, sliceSignalRows, splitForValidation } from "./rows.ts";
import { regimes, START_MS } from "./signal.fixture.ts";
import { validateSignal } from "./validate.ts";

const HOUR = 3_600_000;
const DAY = 24;
const GRID = { stepMs: HOUR, calendar: "all" } as const;

const TRAINING: SignalTraining = {
  folds: 3,
  trials: 6,
  sampler: "tpe",
  validationRows: 2 * DAY,
  horizon: 1,
  seed: 1,
};

/** Hourly rows of days `from` … `to`, of what is known at their end. */
function rowsOf(close: Float64Array, from: number, to: number): SignalRows {
  const times = Float64Array.from(close, (_, t) => START_MS + t * HOUR);
  return signalRows({ close }, times, GRID, 1, { from: from * DAY, to: to * DAY });
}

describe("signals, from a regime to the next (B-TRN-1, B-TRN-2, B-TRN-3)", () => {
  // Sixty days in which moves go on, then sixty in which they turn back to the mean of the day.
  const close = regimes(7, 60 * DAY, 120 * DAY);
  const old = trainSignal(rowsOf(close, 4, 18), TRAINING);
  const accuracyOf = (model: typeof old, from: number, to: number) => {
    const { table, labels } = rowsOf(close, from, to);
    return signalMeasures(labels, signalProbabilities(model, table)).accuracy;
  };

  it("a model trained on 14 days, the last two for validation, keeps its accuracy while the regime lasts", () => {
    expect(accuracyOf(old, 20, 60)).toBeGreaterThan(0.58);
    expect(old.features).toContain("return_1");
  });

  it("its accuracy falls by more than the 2 % that ask for a retraining when the regime changes", () => {
    const [before, after] = [accuracyOf(old, 20, 60), accuracyOf(old, 62, 76)];
    expect((before - after) / before).toBeGreaterThan(0.02);
    expect(after).toBeLessThan(0.5);
  });

  it("a new model has other features and is better on days that neither has seen, beyond luck", () => {
    const renewed = trainSignal(rowsOf(close, 62, 76), TRAINING);
    expect(renewed.features).not.toEqual(old.features);
    const held = rowsOf(close, 76, 96);
    const verdict = validateSignal(renewed, old, held, { significance: 0.05, seed: 1 });
    expect(verdict).toMatchObject({ approved: true, reasons: [] });
    expect(verdict.candidate.accuracy).toBeGreaterThan(0.55);
    expect(verdict.candidate.log_loss).toBeLessThan(verdict.live.log_loss);
    expect(verdict.p_value).toBeLessThan(0.05);
  });

  it("a model of the same regime is not approved over the live one", () => {
    const again = trainSignal(rowsOf(close, 20, 34), TRAINING);
    const { approved, reasons } = validateSignal(again, old, rowsOf(close, 40, 54), {
      significance: 0.05,
      seed: 1,
    });
    expect(approved).toBe(false);
    expect(reasons.length).toBeGreaterThan(0);
  });
});

describe("training a signal (B-TRN-2, B-TRN-3)", () => {
  const close = regimes(3, 40 * DAY, 40 * DAY);

  it("depends on nothing after its rows", () => {
    const other = close.map((price, t) => (t < 18 * DAY ? price : price * (1 + 0.3 * Math.sin(t))));
    const short = close.slice(0, 18 * DAY);
    const train = (prices: Float64Array) => trainSignal(rowsOf(prices, 4, 18), { ...TRAINING, trials: 2 });
    const first = train(close);
    expect(train(other)).toEqual(first);
    expect(train(short).booster.trees).toEqual(first.booster.trees);
  });

  it("of prices that nobody can foretell is no better than chance on later days", () => {
    const walk = regimes(11, 0, 0, 60 * DAY);
    const model = trainSignal(rowsOf(walk, 4, 24), TRAINING);
    const { labels, table } = rowsOf(walk, 24, 60);
    const own = logLosses(labels, signalProbabilities(model, table));
    const nothing = logLosses(labels, new Float64Array(labels.length).fill(0.5));
    expect(superiorityPValue(nothing, own, 1)).toBeGreaterThan(0.02);
  });

  it("does not learn from a feature that is the label, and says so", () => {
    const rows = rowsOf(close, 4, 18);
    const { names, columns } = rows.table;
    const leaking = {
      ...rows,
      table: {
        ...rows.table,
        names: [...names, "leak"],
        columns: [...columns, Float32Array.from(rows.labels)],
      },
    };
    const { features, selection } = trainSignal(leaking, { ...TRAINING, trials: 1 });
    expect(features).not.toContain("leak");
    expect(selection.screened).toContainEqual({
      name: "leak",
      because: expect.stringMatching(/it is the label/),
    });
  });

  it("leaves rows out whose label reaches into the validation", () => {
    const rows = signalRows(
      { close },
      Float64Array.from(close, (_, t) => START_MS + t * HOUR),
      GRID,
      12,
      { from: 4 * DAY, to: 18 * DAY },
    );
    const { fitRows, table } = splitForValidation(rows, 48);
    const first = rows.times.length - 48;
    expect(table.rows).toBe(fitRows + 48);
    expect(fitRows).toBe(first - 11);
    expect(rows.knownAt[fitRows - 1]).toBe(rows.times[first]);
    expect(table.columns[0]![fitRows]).toBe(rows.table.columns[0]![first]);
    expect(() => trainSignal(sliceSignalRows(rows, 0, 40), TRAINING)).toThrow(/too few/);
  });

  it("refuses prices that only rise: there is one class", () => {
    const rising = Float64Array.from({ length: 400 }, (_, t) => 100 + t);
    expect(() => trainSignal(rowsOf(rising, 4, 16), TRAINING)).toThrow(/expected some 0 and some 1/);
  });

  it("refuses prices that never move: no bar has a label", () => {
    expect(() => rowsOf(new Float64Array(400).fill(100), 4, 16)).toThrow(
      /has a close 1 bars later that differs/,
    );
  });
});

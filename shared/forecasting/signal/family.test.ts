import { describe, expect, it } from "vitest";
import { probabilityAbove } from "../../strategy/signal.ts";
import { packBundle } from "../bundle/bundle.ts";
import { parameterOf, type TrainingRequest } from "../family.ts";
import { signalExamples, trainedSteps } from "./examples.ts";
import { signalFamily } from "./family.ts";
import { moveQuantiles, SIGNAL_LEVELS, sizesOf } from "./law.ts";
import { signalMeasures } from "./measures.ts";
import { regimes, START_MS } from "./signal.fixture.ts";

const HOUR = 3_600_000;
const GRID = { stepMs: HOUR, calendar: "all" } as const;
const PLAIN = { select_features: false };
const DRAW = { context_length: 100, num_samples: 1, temperature: 1, seed: 1 };

function request(values: Float64Array, over: Partial<TrainingRequest> = {}, params = {}): TrainingRequest {
  return {
    series: [{ entity: null, values, endMs: START_MS + (values.length - 1) * HOUR }],
    grid: GRID,
    horizon: 3,
    seasonLength: 1,
    params: { ...DRAW, model_params: params },
    seed: 1,
    parent: null,
    ...over,
  };
}

async function opened(values: Float64Array, over: Partial<TrainingRequest> = {}, params = {}) {
  return signalFamily.open(packBundle(await signalFamily.train!(request(values, over, params))), {});
}

/** Probability of a rise `step` ahead at each of the bars, from the family's forecasts of the values up to them. */
async function rises(
  model: Awaited<ReturnType<typeof opened>>,
  values: Float64Array,
  bars: readonly number[],
  step: number,
  from: (t: number) => number,
): Promise<number[]> {
  const contexts = bars.map((t) => Float32Array.from(values.subarray(t - 99, t + 1)));
  const series = bars.map((t) => ({ entity: null, endMs: START_MS + t * HOUR }));
  const forecasts = await model.predictQuantiles(contexts, { ...DRAW, horizon: step, series, grid: GRID });
  return forecasts.map(({ levels, values: law }, i) =>
    probabilityAbove(from(bars[i]!), levels, law.subarray((step - 1) * levels.length, step * levels.length)),
  );
}

describe("model family signal (B-TRN-2)", () => {
  const close = regimes(7, 60 * 24, 60 * 24);
  const bars = Array.from({ length: 600 }, (_, k) => 20 * 24 + k);

  it("foretells the side of the next move on days after its training", async () => {
    const model = await opened(close.slice(0, 18 * 24));
    const probability = await rises(model, close, bars, 1, (t) => Math.fround(close[t]!));
    const labels = bars.map((t) => Number(close[t + 1]! > close[t]!));
    expect(signalMeasures(labels, probability).accuracy).toBeGreaterThan(0.58);
    await model.release();
  });

  it("of returns foretells the sign of the return itself", async () => {
    const returns = close.map((price, t) => (t === 0 ? 0 : 100 * (price / close[t - 1]! - 1)));
    const model = await opened(returns.slice(0, 18 * 24), {}, { values: "change" });
    const probability = await rises(model, returns, bars, 1, () => 0);
    const labels = bars.map((t) => Number(returns[t + 1]! > 0));
    expect(signalMeasures(labels, probability).accuracy).toBeGreaterThan(0.58);
    const [forecast] = await model.predictQuantiles([Float32Array.from(returns.subarray(0, 100))], {
      ...DRAW,
      horizon: 6,
    });
    expect(Math.max(...forecast!.values)).toBeLessThan(5);
    await model.release();
  });

  it("has the same probability whatever the unit of the prices, and forecasts in that unit", async () => {
    const [usd, cents] = [close, close.map((price) => 100 * price)];
    const models = await Promise.all([
      opened(usd.slice(0, 432), {}, PLAIN),
      opened(cents.slice(0, 432), {}, PLAIN),
    ]);
    const few = bars.slice(0, 40);
    const [first, second] = await Promise.all([
      rises(models[0]!, usd, few, 3, (t) => Math.fround(usd[t]!)),
      rises(models[1]!, cents, few, 3, (t) => Math.fround(cents[t]!)),
    ]);
    first!.forEach((p, i) => {
      expect(second![i]).toBeCloseTo(p, 2);
    });
    await Promise.all(models.map((model) => model.release()));
  });

  it("is the same bundle, byte for byte, of the same request, with all features or those it chose", async () => {
    const train = async (values: Float64Array) =>
      packBundle(await signalFamily.train!(request(values, {}, PLAIN)));
    expect(await train(close.slice(0, 500))).toEqual(await train(close.slice(0, 500)));
    const { info } = await signalFamily.train!(request(close.slice(0, 500)));
    expect(info.features!.length).toBeLessThan(20);
    expect(info.metrics).toMatchObject({ accuracy: expect.any(Number), log_loss: expect.any(Number) });
    const all = await signalFamily.train!(request(close.slice(0, 500), {}, PLAIN));
    expect(all.info.features!.length).toBeGreaterThan(18);
  });

  it("learns from the newest train_steps alone, and from several series", () => {
    const one = { entity: "a", values: close.slice(0, 500), endMs: START_MS + 499 * HOUR };
    const examples = signalExamples([one, { ...one, entity: "b" }], GRID, 6, "price", 100);
    expect(examples.table.rows).toBe(2 * 100 * trainedSteps(6).length);
    expect(Math.min(...examples.bars)).toBe(500 - 6 - 100);
    expect(examples.times.every((time, row) => row === 0 || time >= examples.times[row - 1]!)).toBe(true);
    expect(examples.knownAt.every((time, row) => time === examples.times[row]! + 6 * HOUR)).toBe(true);
  });

  it("is not moved by what comes after the training's end", async () => {
    const other = close.map((price, t) => (t < 500 ? price : 2 * price));
    const examples = (values: Float64Array) => {
      const cut = values.slice(0, 500);
      return signalExamples(
        [{ entity: null, values: cut, endMs: START_MS + 499 * HOUR }],
        GRID,
        6,
        "price",
        300,
      );
    };
    expect(examples(other)).toEqual(examples(close));
  });

  it("forecasts a price that never moves to stay", async () => {
    const model = await opened(close.slice(0, 18 * 24), {}, PLAIN);
    const [forecast] = await model.predictQuantiles([new Float32Array(100).fill(5)], { ...DRAW, horizon: 2 });
    expect(new Set(forecast!.values)).toEqual(new Set([5]));
    await model.release();
  });

  it.each<[string, Float64Array, RegExp]>([
    ["a constant series", new Float64Array(300).fill(7), /none has 25 before it and a move 3 steps later/],
    ["a short series", close.slice(0, 20), /has 20 values, of which none/],
    ["prices that only rise", Float64Array.from({ length: 300 }, (_, t) => 100 + t), /some 0 and some 1/],
    ["prices of 0", new Float64Array(300), /value 0 is 0, expected prices above 0; for returns/],
    ["no values at all", new Float64Array(300).fill(Number.NaN), /of which none/],
  ])("refuses %s", async (_name, values, message) => {
    await expect(signalFamily.train!(request(values))).rejects.toThrow(message);
  });

  it("refuses contexts that do not tell how much a price moves", async () => {
    const short = request(close.slice(0, 300));
    await expect(
      signalFamily.train!({ ...short, params: { ...short.params, context_length: 20 } }),
    ).rejects.toThrow(/context_length is 20, expected at least 26/);
  });

  it("has a default in range for each parameter", () => {
    for (const { name } of signalFamily.parameters) expect(parameterOf(signalFamily, name)).toBeDefined();
  });
});

describe("the law of a move (B-TRN-2)", () => {
  const sizes = sizesOf(Float64Array.from({ length: 400 }, (_, i) => Math.abs(Math.tan(i)) % 3));

  it.each([0.2, 0.3, 0.45, 0.5, 0.61, 0.8])("that rises with probability %d is above 0 with it", (p) => {
    expect(probabilityAbove(0, SIGNAL_LEVELS, moveQuantiles(p, sizes))).toBeCloseTo(p, 1.7);
  });

  it("has its median on the likelier side, and quantiles that ascend", () => {
    const [down, up] = [moveQuantiles(0.4, sizes), moveQuantiles(0.6, sizes)];
    expect(up[9]).toBeGreaterThan(0);
    expect(down[9]).toBeLessThan(0);
    for (const law of [down, up]) expect([...law].sort((a, b) => a - b)).toEqual([...law]);
    down.forEach((value, i) => {
      expect(value).toBeCloseTo(-up[18 - i]!, 12);
    });
  });

  it("knows sizes of one move", () => {
    expect([...sizesOf([2])]).toEqual([0, ...Array(20).fill(2)]);
  });
});

import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import { autoregressive, uniforms } from "../../statistics/lcg.fixture.ts";
import { lastValue } from "../baselines/baselines.ts";
import { packBundle } from "../bundle/bundle.ts";
import type { TrainingRequest, TrainingSeries } from "../family.ts";
import { ModelMismatchError } from "../manifest.ts";
import { anchorOf, type Normalisation, normalised } from "./anchor.ts";
import { linearFamily } from "./family.ts";
import { fitLinear } from "./fit.ts";
import { planWindows } from "./windows.ts";

const DAY = 86_400_000;
const endMs = Date.UTC(2026, 0, 1);

function one(values: ArrayLike<number>, entity: string | null = null): TrainingSeries {
  return { entity, values: Float64Array.from(values), endMs };
}

function request(series: readonly TrainingSeries[], more: Partial<TrainingRequest> = {}): TrainingRequest {
  const params = { context_length: 28, num_samples: 10, temperature: 1 };
  const grid = { stepMs: DAY, calendar: "all" } as const;
  return { series, grid, horizon: 7, seasonLength: 7, params, seed: 1, parent: null, ...more };
}

const spec = { horizon: 7, context_length: 28, num_samples: 10, temperature: 1, seed: 1 };

async function trained(training: TrainingRequest) {
  return linearFamily.open(packBundle(await linearFamily.train!(training)), {});
}

const weekly = (t: number) => 100 + 0.2 * t + [0, 3, 9, -4, 2, -8, -2][t % 7]!;

describe("linear (NLinear, RLinear)", () => {
  it.each<Normalisation>(["last", "mean"])(
    "goes on with trend and season exactly, anchored at the %s",
    async (normalisation) => {
      const training = request([one(Array.from({ length: 200 }, (_, t) => weekly(t)))]);
      const params = { ...training.params, model_params: { normalisation, ridge: 1e-5 } };
      const model = await trained({ ...training, params });
      const context = Float32Array.from({ length: 28 }, (_, t) => weekly(200 + t));
      const [forecast] = await model.predictQuantiles([context], spec);
      for (let h = 0; h < 7; h += 1)
        expect(Math.abs(forecast!.values[9 * h + 4]! - weekly(228 + h))).toBeLessThan(0.5);
      await model.release();
    },
  );

  it("serves by ONNX what it fitted", async () => {
    const values = autoregressive(4, 200, 0.8);
    const plan = planWindows([one(values)], 20, 5);
    for (const normalisation of ["last", "mean"] as const) {
      const { model } = fitLinear(plan, normalisation, 0.1);
      const training = request([one(values)], { horizon: 5 });
      const params = { ...training.params, context_length: 20, model_params: { normalisation, ridge: 0.1 } };
      const served = await trained({ ...training, params });
      const context = Float32Array.from(values.slice(90, 110));
      const [forecast] = await served.predictQuantiles([context], { ...spec, horizon: 5 });
      const anchor = anchorOf(context, normalisation);
      for (let h = 0; h < 5; h += 1) {
        let center = model.weights[h]!;
        context.forEach((value, t) => {
          center += normalised(value, anchor) * model.weights[(1 + t) * 5 + h]!;
        });
        for (let k = 0; k < 9; k += 1) {
          const expected = anchor.loc + anchor.scale * (center + model.offsets[k * 5 + h]!);
          expect(forecast!.values[9 * h + k]).toBeCloseTo(expected, 4);
        }
      }
      await served.release();
    }
  });

  it("covers what it promises on values after its training, step by step", async () => {
    const values = autoregressive(9, 2400, 0.6);
    const model = await trained(request([one(values.slice(0, 1200))]));
    const inside = new Float64Array(7);
    const cutoffs = Array.from({ length: 150 }, (_, i) => 1230 + 7 * i);
    const contexts = cutoffs.map((cutoff) => Float32Array.from(values.slice(cutoff - 28, cutoff)));
    const forecasts = await model.predictQuantiles(contexts, spec);
    forecasts.forEach(({ values: q }, w) => {
      for (let h = 0; h < 7; h += 1) {
        const actual = values[cutoffs[w]! + h]!;
        if (q[9 * h]! <= actual && actual <= q[9 * h + 8]!) inside[h]! += 1;
      }
    });
    for (const count of inside) {
      expect(count / 150).toBeGreaterThan(0.7);
      expect(count / 150).toBeLessThan(0.9);
    }
    await model.release();
  });

  it("trains on a fleet of different sizes and levels, and serves a series it never saw", async () => {
    const noise = uniforms(3, 900);
    const server = (s: number, t: number) => 10 ** s * (weekly(t) + noise[(s * 300 + t) % 900]!);
    const fleet = [0, 1, 2].map((s) =>
      one(
        Array.from({ length: 150 }, (_, t) => server(s, t)),
        `s${s}`,
      ),
    );
    const model = await trained(request(fleet));
    const context = Float32Array.from({ length: 28 }, (_, t) => 7 * weekly(40 + t));
    const [forecast] = await model.predictQuantiles([context], spec);
    for (let h = 0; h < 7; h += 1)
      expect(Math.abs(forecast!.values[9 * h + 4]! / (7 * weekly(68 + h)) - 1)).toBeLessThan(0.02);
    await model.release();
  });

  it("is the same bundle for the same request, byte for byte, and says what it saw (C-TRN-1)", async () => {
    const training = request([one(autoregressive(1, 120, 0.5), "a"), one(autoregressive(2, 90, 0.5), "b")]);
    const [first, second] = [await linearFamily.train!(training), await linearFamily.train!(training)];
    expect(packBundle(first)).toEqual(packBundle(second));
    expect(first.info.trained_on).toMatchObject({
      from: new Date(endMs - 119 * DAY).toISOString(),
      to: new Date(endMs).toISOString(),
      entities: 2,
    });
  });

  it("unrolls past the block that a short series allows", async () => {
    const model = await trained(
      request([one(Array.from({ length: 60 }, (_, t) => weekly(t)))], { horizon: 30 }),
    );
    const context = Float32Array.from({ length: 28 }, (_, t) => weekly(60 + t));
    const [forecast] = await model.predictQuantiles([context], { ...spec, horizon: 30 });
    expect(forecast!.values).toHaveLength(270);
    expect(forecast!.values.every(Number.isFinite)).toBe(true);
    await model.release();
  });

  it("repeats a constant, bridges holes, and takes a context shorter than its window", async () => {
    const model = await trained(request([one(autoregressive(1, 120, 0.5))]));
    const constant = new Float32Array(28).fill(3);
    const holes = Float32Array.from({ length: 28 }, (_, t) => (t % 3 === 1 || t > 25 ? Number.NaN : t));
    const [flat, bridged, short] = await model.predictQuantiles(
      [constant, holes, holes.subarray(0, 9)],
      spec,
    );
    expect(new Set(flat!.values)).toEqual(new Set([3]));
    expect([...bridged!.values, ...short!.values].every(Number.isFinite)).toBe(true);
    await model.release();
  });

  it("takes its intervals from errors at observed values, not from the lines that bridge holes", () => {
    let level = 0;
    const walk = autoregressive(6, 1200, 0).map((change) => (level += change));
    const gone = uniforms(8, 1200).map((draw) => draw < 0.6);
    const holes = walk.map((value, t) => (gone[t] ? Number.NaN : value));
    const plan = planWindows([one(holes)], 28, 7);
    const { model, heldOutRows } = fitLinear(plan, "last", 0.1);
    const scale = anchorOf(plan.series[0]!, "last").scale;
    // A walk's 10 % and 90 % quantiles h steps ahead are 2 · 1.28 √h apart.
    const width = (h: number) => scale * (model.offsets[8 * 7 + h - 1]! - model.offsets[h - 1]!);
    for (const h of [1, 7]) expect(width(h) / (2 * 1.28 * Math.sqrt(h))).toBeGreaterThan(0.8);
    expect(heldOutRows).toBe(plan.heldOut.length);
  });

  it("is a random walk where unrolling explodes", async () => {
    let price = 100;
    const values = uniforms(33, 60).map((draw) => (price *= 1 + 0.01 * (draw - 0.5)));
    const training = request([one(values)], { horizon: 30 });
    const model = await trained({ ...training, params: { ...training.params, context_length: 90 } });
    const context = Float32Array.from(values);
    const [forecast] = await model.predictQuantiles([context], { ...spec, context_length: 90, horizon: 30 });
    const walk = lastValue(context, 30).values;
    forecast!.values.forEach((value, i) => {
      expect(value).toBeCloseTo(walk[i]!, 6);
    });
    await model.release();
  });

  it("follows a trend over a horizon of many contexts", async () => {
    const trend = request([one(Array.from({ length: 300 }, (_, t) => t))], { horizon: 50 });
    const params = { ...trend.params, context_length: 8, model_params: { ridge: 1e-5 } };
    const model = await trained({ ...trend, params });
    const context = Float32Array.from({ length: 8 }, (_, t) => 300 + t);
    const [forecast] = await model.predictQuantiles([context], { ...spec, context_length: 8, horizon: 50 });
    expect(forecast!.values[9 * 49 + 4]! / 357).toBeCloseTo(1, 1);
    await model.release();
  });

  it("learns to repeat from a constant series", async () => {
    const model = await trained(request([one(new Float64Array(50).fill(2))]));
    const [forecast] = await model.predictQuantiles([Float32Array.of(1, 2, 3, 4, 9)], spec);
    forecast!.values.forEach((value) => {
      expect(value).toBeCloseTo(9, 5);
    });
    await model.release();
  });

  it.each([
    ["too short a series", [1, 2, 3, 4], /has 4 steps from its first value on.*at least 24/],
    ["a series without values", Array<number>(40).fill(Number.NaN), /has 0 steps/],
  ])("refuses to train on %s", async (_, values, message) => {
    await expect(linearFamily.train!(request([one(values)]))).rejects.toThrow(message);
    await expect(linearFamily.train!(request([one(values)]))).rejects.toThrow(InvalidInputError);
  });

  it("refuses no bundle, and what is none", async () => {
    await expect(linearFamily.open(undefined, {})).rejects.toThrow(InvalidInputError);
    await expect(linearFamily.open(Uint8Array.of(1, 2, 3), {})).rejects.toThrow(ModelMismatchError);
  });
});

describe("windows of a linear model", () => {
  it("holds out the latest and fits no window whose targets reach into them", () => {
    const { fitted, heldOut, all, block, contextLength } = planWindows([one(uniforms(1, 200))], 28, 7);
    const firstHeldOut = Math.min(...heldOut.map(({ cutoff }) => cutoff));
    const lastTarget = Math.max(...fitted.map(({ cutoff }) => cutoff + block));
    expect(lastTarget).toBeLessThanOrEqual(firstHeldOut);
    expect(heldOut.length).toBe(Math.ceil(0.2 * (200 - contextLength - block + 1)));
    expect(Math.max(...all.map(({ cutoff }) => cutoff))).toBe(200 - 1 - block);
  });

  it("takes every k-th window of a large fleet", () => {
    const fleet = Array.from({ length: 30 }, (_, s) => one(uniforms(s, 1000), `s${s}`));
    expect(planWindows(fleet, 28, 7).all.length).toBeLessThanOrEqual(8192);
  });
});

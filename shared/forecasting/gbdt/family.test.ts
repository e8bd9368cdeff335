import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import { type Bundle, packBundle, readBundle } from "../bundle/bundle.ts";
import type { OpenedFamily, TrainingRequest, TrainingSeries } from "../family.ts";
import { ModelMismatchError } from "../manifest.ts";
import type { ForecastSpec } from "../quantile-forecast.ts";
import { uniformAt } from "../random.ts";
import { gbdtFamily } from "./family.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 5);
const grid = { stepMs: HOUR, calendar: "all" } as const;
const HORIZON = 12;

/** A day's wave, twice as high on Saturdays and Sundays, with noise. */
function wave(
  entity: string | null,
  steps: number,
  level: number,
  size: number,
  seed: number,
): TrainingSeries {
  const values = Float64Array.from({ length: steps }, (_, t) => {
    const day = new Date(START + t * HOUR).getUTCDay();
    const height = day === 0 || day === 6 ? 2 : 1;
    const noise = uniformAt(seed, t) + uniformAt(seed, t + 1e6) - 1;
    return level + size * (height * Math.sin((2 * Math.PI * t) / 24) + 0.3 * noise);
  });
  return { entity, values, endMs: START + (steps - 1) * HOUR };
}

function request(series: readonly TrainingSeries[], changes: Partial<TrainingRequest> = {}): TrainingRequest {
  return {
    series,
    grid,
    horizon: HORIZON,
    seasonLength: 24,
    params: {
      context_length: 200,
      num_samples: 20,
      temperature: 1,
      // What is chosen is looked at in feature-selection.test.ts.
      model_params: { rounds: 30, learning_rate: 0.2, leaves: 12, select_features: false },
    },
    seed: 3,
    parent: null,
    ...changes,
  };
}

async function opened<T>(bytes: Uint8Array, use: (family: OpenedFamily) => Promise<T>): Promise<T> {
  const family = await gbdtFamily.open(bytes, {});
  try {
    return await use(family);
  } finally {
    await family.release();
  }
}

/** Mean absolute error of the medians, over cutoffs a few steps apart, of series cut at each. */
async function errorOf(bytes: Uint8Array, series: readonly TrainingSeries[], cutoffs: readonly number[]) {
  const spec = {
    horizon: HORIZON,
    context_length: 200,
    num_samples: 20,
    temperature: 1,
    seed: 0,
    grid,
  } as const;
  return opened(bytes, async (family) => {
    let [sum, naive, count, inside] = [0, 0, 0, 0];
    for (const cutoff of cutoffs) {
      const contexts = series.map(({ values }) => Float32Array.from(values.subarray(0, cutoff + 1)));
      const infos = series.map(({ entity }) => ({ entity, endMs: START + cutoff * HOUR }));
      const forecasts = await family.predictQuantiles(contexts, { ...spec, series: infos });
      forecasts.forEach(({ values: predicted, levels }, s) => {
        for (let h = 0; h < HORIZON; h += 1) {
          const truth = series[s]!.values[cutoff + 1 + h]!;
          const row = predicted.subarray(h * levels.length, (h + 1) * levels.length);
          sum += Math.abs(row[4]! - truth);
          naive += Math.abs(series[s]!.values[cutoff + 1 + h - 24]! - truth);
          inside += truth >= row[0]! && truth <= row[8]! ? 1 : 0;
          count += 1;
        }
      });
    }
    return { gbdt: sum / count, naive: naive / count, coverage: inside / count };
  });
}

const cutoffs = Array.from({ length: 12 }, (_, i) => 740 + 19 * i);
const upTo = (series: TrainingSeries, steps: number): TrainingSeries => ({
  ...series,
  values: series.values.slice(0, steps),
  endMs: START + (steps - 1) * HOUR,
});

/** One training serves several tests. */
function once(request: TrainingRequest): () => Promise<Bundle> {
  let trained: Promise<Bundle> | undefined;
  return () => {
    trained ??= gbdtFamily.train!(request);
    return trained;
  };
}

describe("family gbdt", () => {
  const whole = wave(null, 1000, 50, 10, 1);
  const known = upTo(whole, 740);
  const trained = once(request([known]));

  it("learns season and calendar: less than three quarters of seasonal naive's error on days it has not seen", async () => {
    const bundle = await trained();
    const { gbdt, naive, coverage } = await errorOf(packBundle(bundle), [whole], cutoffs);
    expect(gbdt).toBeLessThan(0.75 * naive);
    expect(coverage).toBeGreaterThan(0.65);
    expect(coverage).toBeLessThan(0.93);
    expect(bundle.info.features).toContain("weekday");
    expect(bundle.info.rounds!.total).toBeLessThanOrEqual(60);
    expect(bundle.info.metrics!.validation_rows).toBeGreaterThan(100);
  });

  it("is the same bundle, byte for byte, for the same request", async () => {
    const pack = async (seed: number) =>
      Buffer.from(packBundle(await gbdtFamily.train!(request([known], { seed }))));
    const bytes = packBundle(await trained());
    expect((await pack(3)).equals(bytes)).toBe(true);
    expect((await pack(4)).equals(bytes)).toBe(false);
  });

  it("serves without calendar and entity when the caller does not know them", async () => {
    const bytes = packBundle(await trained());
    await opened(bytes, async (family) => {
      const spec = { horizon: 5, context_length: 200 } as ForecastSpec;
      const [forecast] = await family.predictQuantiles([Float32Array.from(known.values)], spec);
      expect(forecast!.values).toHaveLength(45);
      expect(forecast!.values.every(Number.isFinite)).toBe(true);
    });
  });

  it("refuses a horizon beyond the trained one, and a bundle of another family", async () => {
    const bundle = await trained();
    const spec = { horizon: 13, context_length: 200 } as ForecastSpec;
    await opened(packBundle(bundle), async (family) => {
      const forecast = family.predictQuantiles([Float32Array.from(known.values)], spec);
      await expect(forecast).rejects.toThrow(/horizon is 13 steps.*trained for 12/);
    });
    const other = packBundle({ ...bundle, info: { ...bundle.info, family: "linear" } });
    await expect(gbdtFamily.open(other, {})).rejects.toThrow(ModelMismatchError);
    await expect(gbdtFamily.open(undefined, {})).rejects.toThrow(InvalidInputError);
  });
});

describe("family gbdt for a fleet (C-TRN-1)", () => {
  const fleet = ["a", "b", "c", "d"].map((name, i) => wave(name, 1000, 10 ** i, 10 ** i / 5, 10 + i));
  const known = fleet.map((series) => upTo(series, 740));
  const trained = once(request(known));

  it("one model serves series of unlike sizes, better than seasonal naive", async () => {
    const bundle = await trained();
    expect(bundle.info.vocabulary).toEqual(["a", "b", "c", "d"]);
    expect(bundle.info.trained_on.entities).toBe(4);
    expect([...bundle.files.keys()].sort()).toEqual([
      "forecaster.json",
      "model.onnx",
      "trees.json",
      "vocabulary.json",
    ]);
    for (const series of fleet) {
      const { gbdt, naive } = await errorOf(packBundle(bundle), [series], cutoffs);
      expect(gbdt).toBeLessThan(0.9 * naive);
    }
  });

  it("forecasts an entity that it has never seen as the prior", async () => {
    const bytes = packBundle(await trained());
    const stranger = wave("new-server", 1000, 300, 70, 99);
    const { gbdt, naive } = await errorOf(bytes, [stranger], cutoffs);
    expect(gbdt).toBeLessThan(0.9 * naive);
    const anonymous = await errorOf(bytes, [{ ...stranger, entity: "another" }], cutoffs);
    expect(anonymous.gbdt).toBe(gbdt);
  });

  it("appends new entities when it goes on from a parent, whose trees stay (D-TRN-1)", async () => {
    const parent = readBundle(packBundle(await trained()), "parent");
    const joined = wave("0-joined", 1000, 5, 1, 77);
    const child = await gbdtFamily.train!(request([...fleet, joined], { parent }));
    expect(child.info.vocabulary).toEqual(["a", "b", "c", "d", "0-joined"]);
    const { total, added } = child.info.rounds!;
    expect(total).toBe(parent.info.rounds!.total + added);
    expect(added).toBeLessThanOrEqual(3);
    const stored = (files: ReadonlyMap<string, Uint8Array>) =>
      JSON.parse(new TextDecoder().decode(files.get("vocabulary.json")));
    expect(stored(child.files)[0].values.slice(0, 4)).toEqual(stored(parent.files)[0].values);
    const { gbdt, naive } = await errorOf(packBundle(child), fleet, cutoffs);
    expect(gbdt).toBeLessThan(0.9 * naive);
  });

  it("starts anew from a parent of another horizon", async () => {
    const { info } = await gbdtFamily.train!(request(known, { horizon: 3, parent: await trained() }));
    expect(info.rounds!.added).toBe(info.rounds!.total);
  });
});

describe("family gbdt on awkward series", () => {
  const one = (values: ArrayLike<number>): TrainingSeries => ({
    entity: null,
    values: Float64Array.from(values),
    endMs: START + values.length * HOUR,
  });
  const forecastOf = async (values: ArrayLike<number>) => {
    const { params } = request([]);
    const chosen = { ...params, model_params: { rounds: 30, learning_rate: 0.2, leaves: 12 } };
    const bytes = packBundle(await gbdtFamily.train!(request([one(values)], { params: chosen })));
    return opened(bytes, async (family) => {
      const spec = { horizon: HORIZON, context_length: 200, grid } as ForecastSpec;
      return (await family.predictQuantiles([Float32Array.from(values)], spec))[0]!.values;
    });
  };

  it("a constant series is forecast as itself", async () => {
    expect(new Set(await forecastOf(new Float64Array(200).fill(7)))).toEqual(new Set([7]));
  });

  it("a series with holes, and one of 12 values, are forecast with finite values", async () => {
    const holes = Float64Array.from({ length: 300 }, (_, t) => (t % 5 < 2 ? Number.NaN : Math.sin(t / 4)));
    expect((await forecastOf(holes)).every(Number.isFinite)).toBe(true);
    const short = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];
    expect((await forecastOf(short)).every(Number.isFinite)).toBe(true);
  });

  it("sizes of 10^-9 and 10^9 are alike to it", async () => {
    const tiny = Float64Array.from({ length: 300 }, (_, t) => 1e-9 * Math.sin(t / 4));
    const huge = tiny.map((value) => value * 1e18);
    const [small, large] = [await forecastOf(tiny), await forecastOf(huge)];
    small.forEach((value, i) => {
      expect(value * 1e18).toBeCloseTo(large[i]!, -4);
    });
  });

  it.each<[string, ArrayLike<number>]>([
    ["a series of 4 values", [1, 2, 3, 4]],
    ["a series without values", new Float64Array(100).fill(Number.NaN)],
  ])("%s is refused with what is missing", async (_, values) => {
    const training = gbdtFamily.train!(request([one(values)]));
    await expect(training).rejects.toThrow(InvalidInputError);
    await expect(training).rejects.toThrow(/0 training rows.*at least 20/);
  });
});

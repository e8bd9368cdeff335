import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import { autoregressive } from "../../statistics/lcg.fixture.ts";
import { type Bundle, packBundle } from "../bundle/bundle.ts";
import { openFamily } from "../families.ts";
import type { TrainingRequest } from "../family.ts";
import { ModelMismatchError } from "../manifest.ts";
import { averageQuantiles } from "./combine.ts";
import { judgingCutoffs } from "./cutoffs.ts";
import { ensembleFiles, ensembleOf, describe as reportOn } from "./ensemble-bundle.ts";
import { ensembleFamily, openEnsemble } from "./family.ts";

const DAY = 86_400_000;
const shipped = readFileSync(new URL("../../../models/tiny-bolt/model.onnx", import.meta.url));
const noise = autoregressive(6, 260, 0.5);
const values = Float64Array.from(noise, (value, t) => 50 + 6 * Math.sin((2 * Math.PI * t) / 7) + value);

/** The first `length` steps of the series, with three members and the shipped model unless told. */
function request(length = 220, model_params = {}, more: Partial<TrainingRequest> = {}): TrainingRequest {
  return {
    series: [{ entity: null, values: values.slice(0, length), endMs: length * DAY }],
    grid: { stepMs: DAY, calendar: "all" },
    horizon: 7,
    seasonLength: 7,
    params: {
      ...{ context_length: 60, num_samples: 10, temperature: 1 },
      model_params: { ets: false, windows: 6, ...model_params },
    },
    seed: 1,
    parent: null,
    pretrained: { family: "chronos-bolt", bytes: shipped },
    ...more,
  };
}

const train = ensembleFamily.train!;
const spec = { horizon: 7, context_length: 60, num_samples: 10, temperature: 1, seed: 1, season_length: 7 };
const context = Float32Array.from(values.slice(160, 220));
const bundle = await train(request());

/** The bundle with other members or weights. */
function altered(change: (ensemble: ReturnType<typeof ensembleOf>) => ReturnType<typeof ensembleOf>): Bundle {
  return { ...bundle, files: ensembleFiles(change(ensembleOf(bundle))) };
}

describe("ensemble (A-OPT-9, E-ENS-1)", () => {
  it("weighs the foundation model with ARIMA, VAR and others, and forecasts their average", async () => {
    const { members, stored } = ensembleOf(bundle);
    expect(members.map(({ family }) => family)).toEqual([
      "chronos-bolt",
      "arima",
      "var",
      "linear",
      "seasonal-naive",
    ]);
    expect(members.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
    expect(stored.windows).toHaveLength(6);
    const model = await openEnsemble(packBundle(bundle), {});
    const [forecast] = await model.predictQuantiles([context], spec);
    const alone = [];
    const weighty = members.filter(({ weight }) => weight > 0);
    for (const { family, artifact, params } of weighty) {
      const member = await openFamily(family, artifact);
      alone.push((await member.predictQuantiles([context], { ...spec, model_params: params }))[0]!);
      await member.release();
    }
    expect(forecast).toEqual(
      averageQuantiles(
        alone,
        weighty.map(({ weight }) => weight),
      ),
    );
    await model.release();
  });

  it("is no worse on its stored forecasts than its best member", () => {
    const { loss, losses } = reportOn(ensembleOf(bundle));
    expect(loss).toBeLessThan(1.01 * Math.min(...Object.values(losses)));
  });

  it("is the same bundle for the same request, byte for byte", async () => {
    expect(packBundle(await train(request()))).toEqual(packBundle(bundle));
  });

  it("sees nothing after a cutoff: another future, the same stored forecasts", async () => {
    const { stored } = ensembleOf(bundle);
    const first = stored.windows[0]!.cutoffMs / DAY;
    const other = values.slice(0, 220).map((value, t) => (t >= first ? 1000 - value : value));
    const series = [{ entity: null, values: other, endMs: 220 * DAY }];
    const changed = ensembleOf(await train(request(220, {}, { series }))).stored;
    expect(changed.windows[0]!.cutoffMs).toBe(first * DAY);
    expect(changed.windows[0]!.forecasts).toEqual(stored.windows[0]!.forecasts);
    expect(changed.windows[0]!.actual).not.toEqual(stored.windows[0]!.actual);
  });

  it("goes on from a parent: new cutoffs are forecast, old ones kept, members unchanged, weights found anew", async () => {
    const before = ensembleOf(bundle);
    const after = ensembleOf(await train(request(235, {}, { parent: bundle })));
    expect(after.members.map(({ artifact }) => artifact)).toEqual(
      before.members.map(({ artifact }) => artifact),
    );
    const known = before.stored.windows.map(({ cutoffMs }) => cutoffMs);
    const kept = after.stored.windows.filter(({ cutoffMs }) => known.includes(cutoffMs));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept).toEqual(before.stored.windows.slice(-kept.length));
    expect(after.stored.windows.at(-1)!.cutoffMs).toBe(228 * DAY);
    expect(after.stored.windows).toHaveLength(6);
  });

  it("goes on from a parent without windows that its trained members know", async () => {
    const cutoffs = ensembleOf(await train(request(228, {}, { parent: bundle }))).stored.windows.map(
      ({ cutoffMs }) => cutoffMs / DAY,
    );
    // 214 would be next after 213, but the members were trained on all 220 steps.
    expect(cutoffs).toEqual([
      ...ensembleOf(bundle)
        .stored.windows.slice(1)
        .map((w) => w.cutoffMs / DAY),
      221,
    ]);
  });

  it("goes on from a parent without new data by new weights alone, without those turned off", async () => {
    const parent = altered((ensemble) => ({
      ...ensemble,
      members: ensemble.members.map((member) => ({ ...member, artifact: Uint8Array.of(1) })),
    }));
    const again = ensembleOf(await train(request(220, { weighting: "nnls", foundation: false }, { parent })));
    expect(again.members.map(({ family }) => family)).not.toContain("chronos-bolt");
    expect(again.members.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
    expect(again.weighting).toBe("nnls");
  });

  it("hands a member its own parameters", async () => {
    const { members } = ensembleOf(
      await train(request(220, { "arima.p": 2, "linear.ridge": 0.5, var: false })),
    );
    expect(members.find(({ family }) => family === "arima")?.params).toEqual({ p: 2 });
    expect(members.find(({ family }) => family === "linear")?.params).toEqual({ ridge: 0.5 });
    expect(members.map(({ family }) => family)).not.toContain("var");
  });
});

describe("an ensemble's member (E-RUN-1)", () => {
  const equal = altered((ensemble) => {
    const members = ensemble.members.filter(
      ({ family }) => family === "arima" || family === "seasonal-naive",
    );
    return { ...ensemble, members: members.map((member) => ({ ...member, weight: 0.5 })) };
  });

  it("that is disabled leaves cleanly, and the others' weights sum to one", async () => {
    const model = await openEnsemble(packBundle(equal), {});
    const [forecast] = await model.predictQuantiles([context], { ...spec, model_params: { arima: false } });
    const naive = await openFamily("seasonal-naive");
    expect(forecast).toEqual((await naive.predictQuantiles([context], spec))[0]);
    expect(model.status()).toMatchObject({
      weights: { "seasonal-naive": 1 },
      left_out: [{ family: "arima", reason: "disabled" }],
    });
  });

  it("that cannot be opened is left out, with the reason", async () => {
    const broken = altered((ensemble) => ({
      ...ensemble,
      members: [
        { family: "chronos-bolt", params: {}, artifact: Uint8Array.of(8, 1, 2), weight: 0.6 },
        { family: "seasonal-naive", params: {}, weight: 0.4 },
      ],
    }));
    const model = await openEnsemble(packBundle(broken), {});
    expect(model.status().weights).toEqual({ "seasonal-naive": 1 });
    expect(model.status().left_out).toMatchObject([{ family: "chronos-bolt", reason: /truncated|damaged/ }]);
    const [forecast] = await model.predictQuantiles([context], spec);
    expect(forecast!.values.every(Number.isFinite)).toBe(true);
  });

  it("that cannot be opened for training is left out of the bundle, with the reason", async () => {
    const pretrained = { family: "chronos-bolt", bytes: Uint8Array.of(1) };
    const { members, leftOut } = ensembleOf(await train(request(220, {}, { pretrained })));
    expect(members.map(({ family }) => family)).toEqual(["arima", "var", "linear", "seasonal-naive"]);
    expect(leftOut).toMatchObject([{ family: "chronos-bolt", reason: expect.stringMatching(/ONNX/) }]);
  });

  it("is missed when it was the last: all failing is an error with every reason", async () => {
    const model = await openEnsemble(packBundle(equal), {});
    const model_params = { arima: false, "seasonal-naive": false };
    await expect(model.predictQuantiles([context], { ...spec, model_params })).rejects.toThrow(
      /every member of the ensemble failed; arima: disabled; seasonal-naive: disabled/,
    );
  });
});

describe("training an ensemble", () => {
  it("refuses a series without room for its windows, and says how long it has to be", async () => {
    await expect(train(request(25))).rejects.toThrow(/has 25 steps, an ensemble needs 30/);
    await expect(train(request(25))).rejects.toThrow(InvalidInputError);
  });

  it("refuses a parent of another horizon", async () => {
    await expect(train(request(230, {}, { parent: bundle, horizon: 9 }))).rejects.toThrow(
      /7 steps, the horizon is 9/,
    );
  });

  it("refuses a bundle of another family", async () => {
    const other = { ...bundle, info: { ...bundle.info, family: "linear" } };
    await expect(openEnsemble(packBundle(other), {})).rejects.toThrow(ModelMismatchError);
  });

  it("judges fleets with series of different lengths at common cutoffs", async () => {
    const fleet = [220, 220, 90].map((length, s) => ({
      entity: `s${s}`,
      values: values.slice(220 - length, 220).map((value) => value * (s + 1)),
      endMs: 220 * DAY,
    }));
    const { stored } = ensembleOf(await train(request(220, {}, { series: fleet })));
    expect(new Set(stored.windows.map(({ entity }) => entity))).toEqual(new Set(["s0", "s1", "s2"]));
    expect(stored.windows).toHaveLength(18);
  });

  it("judges at cutoffs a horizon apart, the last one followed by a whole horizon", () => {
    expect(judgingCutoffs(220, 7, 6, 1)).toEqual([177, 184, 191, 198, 205, 212]);
  });

  it("judges closer together where there is little room, and less often in a large fleet", () => {
    expect(judgingCutoffs(100, 30, 11, 1)).toEqual([59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69]);
    expect(judgingCutoffs(1000, 10, 16, 100)).toHaveLength(5);
  });
});

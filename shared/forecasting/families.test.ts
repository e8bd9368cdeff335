import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODEL_FAMILIES } from "../contracts/live-config.ts";
import { InvalidInputError } from "../errors.ts";
import { packBundle } from "./bundle/bundle.ts";
import { makeTrainers } from "./command/trainers.fixture.ts";
import { type FamilyName, familyOf, openFamily } from "./families.ts";
import { ModelMismatchError } from "./manifest.ts";
import { levelGraph } from "./onnx-graphs.fixture.ts";

const shipped = new URL("../../models/tiny-bolt/model.onnx", import.meta.url).pathname;
const randomT5 = new URL("../../models/random-t5/", import.meta.url).pathname;
const FILES: Partial<Record<FamilyName, string | Uint8Array>> = {
  "chronos-t5": randomT5,
  "chronos-2": levelGraph({ context: ["series", 64], block: [21, 16], offset: (level) => level }),
};
const spec = {
  horizon: 10,
  context_length: 60,
  num_samples: 64,
  temperature: 1,
  seed: 4,
  season_length: 7,
} as const;
const contexts = [0, 1].map((s) => Float32Array.from({ length: 80 }, (_, t) => 20 + s + (t % 7)));

let trainers: string;
beforeAll(async () => {
  trainers = await makeTrainers({ "last-value": {} });
  process.env.RETUNE_TRAINERS = trainers; // which the family `command` reads when it is loaded
});
afterAll(() => rm(trainers, { recursive: true }));

/** What each family is opened with here: a file, or what it makes of a short training. */
async function artifactOf(name: FamilyName): Promise<string | Uint8Array> {
  const { train } = await familyOf(name);
  if (train === undefined) return FILES[name] ?? shipped;
  const values = Float64Array.from({ length: 160 }, (_, t) => 20 + (t % 7) + Math.sin(t));
  const bundle = await train({
    series: [{ entity: null, values, endMs: 160 * 86_400_000 }],
    grid: { stepMs: 86_400_000, calendar: "all" },
    horizon: spec.horizon,
    seasonLength: spec.season_length,
    params: spec,
    seed: spec.seed,
    parent: null,
  });
  return packBundle(bundle);
}

describe.each(MODEL_FAMILIES)("model family %s", (name) => {
  it("forecasts every context with ordered, finite values, the same each time", async () => {
    const model = await openFamily(name, await artifactOf(name));
    expect(model.name).toBe(name);
    const forecasts = await model.forecast(contexts, spec);
    expect(forecasts).toHaveLength(2);
    for (const { mean, lower, upper, quantiles, levels } of forecasts) {
      expect([mean.length, lower.length, upper.length, quantiles.length]).toEqual([10, 10, 10, 10]);
      expect(quantiles[0]).toHaveLength(levels.length);
      mean.forEach((value, h) => {
        expect(lower[h]).toBeLessThanOrEqual(value + 1e-9);
        expect(upper[h]).toBeGreaterThanOrEqual(value - 1e-9);
      });
    }
    expect(await model.forecast(contexts, spec)).toEqual(forecasts);
    await model.release();
  });

  it("refuses a context without values", async () => {
    const model = await openFamily(name, await artifactOf(name));
    await expect(model.forecast([new Float32Array(9).fill(Number.NaN)], spec)).rejects.toThrow(
      InvalidInputError,
    );
    await model.release();
  });
});

describe("openFamily", () => {
  it("gives baselines the exact point forecast, whatever num_samples", async () => {
    const lastValue = await openFamily("last-value");
    const [forecast] = await lastValue.forecast(contexts, { ...spec, num_samples: 1, temperature: 2 });
    expect(new Set(forecast!.mean)).toEqual(new Set([20 + (79 % 7)]));
    const naive = await openFamily("seasonal-naive");
    const [seasonal] = await naive.forecast(contexts, spec);
    expect([...seasonal!.mean]).toEqual(Array.from({ length: 10 }, (_, h) => 20 + ((80 + h) % 7)));
  });

  it("refuses an unknown family and lists the known ones", async () => {
    await expect(openFamily("prophet")).rejects.toThrow(
      /'prophet' is unknown.*chronos-bolt.*seasonal-naive, last-value/,
    );
    await expect(openFamily("toString")).rejects.toThrow(InvalidInputError);
  });

  it("refuses chronos-bolt without a file", async () => {
    await expect(openFamily("chronos-bolt")).rejects.toThrow(InvalidInputError);
  });

  it("holds model.onnx to the manifest.json beside it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "retune-family-"));
    await copyFile(shipped, join(folder, "model.onnx"));
    await writeFile(join(folder, "manifest.json"), "{}");
    await expect(openFamily("chronos-bolt", join(folder, "model.onnx"))).rejects.toThrow(ModelMismatchError);
    await rm(folder, { recursive: true });
  });
});

import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MODEL_FAMILIES } from "../contracts/live-config.ts";
import { InvalidInputError } from "../errors.ts";
import { openFamily } from "./families.ts";
import { ModelMismatchError } from "./manifest.ts";

const shipped = new URL("../../models/tiny-bolt/model.onnx", import.meta.url).pathname;
const spec = {
  horizon: 10,
  context_length: 60,
  num_samples: 64,
  temperature: 1,
  seed: 4,
  season_length: 7,
} as const;
const contexts = [0, 1].map((s) => Float32Array.from({ length: 80 }, (_, t) => 20 + s + (t % 7)));

describe.each(MODEL_FAMILIES)("model family %s", (name) => {
  it("forecasts every context with ordered, finite values, the same each time", async () => {
    const model = await openFamily(name, shipped);
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
    const model = await openFamily(name, shipped);
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
      /'prophet' is unknown.*chronos-bolt, seasonal-naive, last-value/,
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

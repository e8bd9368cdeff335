import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import { openFamily } from "../families.ts";
import { ModelMismatchError } from "../manifest.ts";
import { levelGraph } from "../onnx-graphs.fixture.ts";
import { loadOnnxModel } from "../onnx-model.ts";

const STEPS = 32;
const byLevel = (level: number) => level;
/** [series, 21, 64] as public exports have it. */
const chronos2 = levelGraph({
  context: ["batch", STEPS],
  block: [21, 64],
  offset: byLevel,
  outputs: ["quantile_preds"],
  beside: ["group_ids", "attention_mask"],
});
const spec = { horizon: 5, context_length: 20, num_samples: 100, temperature: 1, seed: 1 };

describe("model family chronos-2", () => {
  it("has a manifest that its graph reveals", async () => {
    const model = await loadOnnxModel(chronos2);
    expect(model.manifest).toMatchObject({
      family: "chronos-2",
      input: "context",
      mask: "attention_mask",
      group_ids: "group_ids",
      output: "quantile_preds",
      context_length: STEPS,
      fixed_context: true,
      horizon: 64,
      quantile_axis: 1,
    });
    const { quantile_levels: levels } = model.manifest;
    expect([levels.length, levels[0], levels[1], levels[10], levels[20]]).toEqual([
      21, 0.01, 0.05, 0.5, 0.99,
    ]);
    await model.release();
  });

  it("is told which steps are observed, and sees every series in a group of its own", async () => {
    const model = await openFamily("chronos-2", chronos2);
    const contexts = [10, 12, 6].map((length) => new Float32Array(length).fill(STEPS));
    contexts[0]![3] = Number.NaN;
    const forecasts = await model.predictQuantiles(contexts, spec);
    const lowest = forecasts.map(({ values }) => values[0]);
    // The graph answers the sum of the context / 32 + 100 per observed step + 10 000 per group.
    expect(lowest).toEqual([9 + 900, 12 + 1200 + 10_000, 6 + 600 + 20_000]);
    expect([...forecasts[0]!.values.slice(0, 21)]).toEqual(Array.from({ length: 21 }, (_, k) => 909 + k));
    await model.release();
  });

  it("draws within its 21 levels", async () => {
    const model = await openFamily("chronos-2", chronos2);
    const [forecast] = await model.forecast([new Float32Array(20).fill(STEPS)], spec);
    expect(forecast!.levels).toHaveLength(21);
    expect(forecast!.mean[0]).toBeGreaterThan(2020 + 8);
    expect(forecast!.mean[0]).toBeLessThan(2020 + 12);
    await model.release();
  });

  it("refuses a horizon above the graph's", async () => {
    const model = await openFamily("chronos-2", chronos2);
    const asked = model.forecast([new Float32Array(20).fill(1)], { ...spec, horizon: 65 });
    await expect(asked).rejects.toThrow(InvalidInputError);
    await expect(asked).rejects.toThrow(/horizon is 65, expected at most 64 steps/);
    await model.release();
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      "takes covariates",
      levelGraph({ context: ["b", 16], block: [21, 4], offset: byLevel, beside: ["covariates"] }),
      /the graph has context float32\[b,16\], covariates float32\[b,8\]/,
    ],
    [
      "has nine levels",
      levelGraph({ context: ["b", 16], block: [9, 4], offset: byLevel }),
      /is of family 'chronos-bolt' \(9 levels\), expected 'chronos-2'/,
    ],
    [
      "leaves the axis open",
      levelGraph({ context: ["b", 16], block: [21, 9], offset: byLevel }),
      /exactly one of its last two axes/,
    ],
  ])("refuses a graph that %s", async (_, graph, words) => {
    const error: unknown = await openFamily("chronos-2", graph).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ModelMismatchError);
    expect(error).toMatchObject({ message: expect.stringMatching(words) });
  });

  it("is no chronos-bolt", async () => {
    await expect(openFamily("chronos-bolt", chronos2)).rejects.toThrow(
      /is of family 'chronos-2' \(21 levels\)/,
    );
  });

  it("is held to a manifest.json beside model.onnx that names an input it lacks", async () => {
    const folder = await mkdtemp(join(tmpdir(), "retune-chronos-2-"));
    const { manifest, release } = await loadOnnxModel(chronos2);
    await release();
    await writeFile(join(folder, "model.onnx"), chronos2);
    await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, mask: "seen" }));
    await expect(openFamily("chronos-2", join(folder, "model.onnx"))).rejects.toThrow(
      /its manifest promises context,seen,group_ids/,
    );
    await rm(folder, { recursive: true });
  });
});

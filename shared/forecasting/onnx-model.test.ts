import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ModelManifest, readManifest } from "./manifest.ts";
import { levelGraph } from "./onnx-graphs.fixture.ts";
import { loadOnnxModel, ModelMismatchError } from "./onnx-model.ts";
import { NINE_LEVELS } from "./quantile-forecast.ts";

const shipped = new URL("../../models/tiny-bolt/", import.meta.url).pathname;
const byLevel = (_: number, column: number) => column;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-onnx-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("the shipped model", () => {
  it("answers as PyTorch did when it was exported", async () => {
    const reference = JSON.parse(await readFile(`${shipped}reference.json`, "utf8")) as {
      x: (number | null)[][];
      y: number[][][];
    };
    await using model = await opened(join(shipped, "model.onnx"));
    const values = await model.predictBlock(
      reference.x.map((row) => Float32Array.from(row, (x) => x ?? Number.NaN)),
    );
    reference.y.forEach((levels, series) => {
      for (let h = 0; h < 64; h += 1) {
        const expected = levels.map((row) => row[h]!).sort((a, b) => a - b);
        expected.forEach((y, k) => {
          const got = values[(series * 64 + h) * 9 + k]!;
          expect(Math.abs(got - y)).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(y)));
        });
      }
    });
  });

  it("has the manifest that its graph reveals", async () => {
    await using model = await opened(join(shipped, "model.onnx"));
    expect(model.manifest).toEqual(await readManifest(join(shipped, "manifest.json")));
  });

  it("forecasts a series alike alone, in a batch of 70 and with padding of its own", async () => {
    await using model = await opened(await readFile(join(shipped, "model.onnx")));
    const series = Array.from({ length: 70 }, (_, s) =>
      Float32Array.from({ length: 40 + s }, (_, t) => Math.sin(t + s) * s + 20),
    );
    const together = await model.predictBlock(series);
    for (const s of [0, 33, 69]) {
      const alone = await model.predictBlock([
        Float32Array.of(...Array(100).fill(Number.NaN), ...series[s]!),
      ]);
      alone.forEach((value, i) => {
        expect(together[s * 576 + i]).toBeCloseTo(value, 3);
      });
    }
  });
});

describe("discovery of a manifest", () => {
  it("finds an open context, the horizon and quantiles on the last axis", async () => {
    const graph = levelGraph({ context: ["batch", "steps"], block: [24, 9], offset: byLevel });
    await using model = await opened(graph);
    expect(model.manifest).toEqual({
      family: "chronos-bolt",
      input: "context",
      output: "quantiles",
      context_length: 2048,
      fixed_context: false,
      horizon: 24,
      quantile_levels: NINE_LEVELS,
      quantile_axis: 2,
    });
    const values = await model.predictBlock([new Float32Array(32).fill(5)]);
    expect([...values.slice(0, 9)]).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  it("sorts quantiles that cross, and turns the axes where levels come first", async () => {
    const graph = levelGraph({
      context: ["batch", 16],
      block: [9, 4],
      offset: (level, h) => 100 * h - level,
    });
    await using model = await opened(graph);
    expect(model.manifest).toMatchObject({
      quantile_axis: 1,
      horizon: 4,
      context_length: 16,
      fixed_context: true,
    });
    const values = await model.predictBlock([new Float32Array(16)]);
    expect([...values.slice(9, 18)]).toEqual([92, 93, 94, 95, 96, 97, 98, 99, 100]);
  });

  it("runs a graph with a fixed batch in parts of that size", async () => {
    await using model = await opened(levelGraph({ context: [2, 16], block: [4, 9], offset: byLevel }));
    const values = await model.predictBlock([1, 2, 3].map((level) => new Float32Array(16).fill(level)));
    expect([values[0], values[36], values[72]]).toEqual([1, 2, 3]);
    expect(values).toHaveLength(3 * 36);
  });
});

describe("a model file that cannot be used", () => {
  const cases: [string, () => Promise<Uint8Array | string>, RegExp][] = [
    ["is missing", async () => join(folder, "absent.onnx"), /absent\.onnx' cannot be read: ENOENT/],
    ["is empty", async () => new Uint8Array(), /is empty/],
    ["is text", async () => new TextEncoder().encode("not a model at all"), /is not an ONNX file/],
    ["is truncated", () => truncated(), /truncated\.onnx' is truncated or damaged/],
    [
      "has no axis of nine levels",
      async () => levelGraph({ context: ["b", 16], block: [8, 7], offset: byLevel }),
      /\[1,8,7\].*9 levels/,
    ],
    [
      "has two axes of nine levels",
      async () => levelGraph({ context: ["b", 16], block: [9, 9], offset: byLevel }),
      /exactly one/,
    ],
    [
      "has two outputs",
      async () => levelGraph({ context: ["b", 16], block: [4, 9], offset: byLevel, outputs: ["p", "q"] }),
      /p float32\[b,4,9\], q/,
    ],
    [
      "answers NaN",
      async () => levelGraph({ context: ["b", 16], block: [4, 9], offset: () => Number.NaN }),
      /not finite/,
    ],
    [
      "answers infinity",
      async () => levelGraph({ context: ["b", 16], block: [4, 9], offset: () => Infinity }),
      /not finite/,
    ],
  ];
  it.each(cases)("is refused when it %s", async (_, make, words) => {
    const error: unknown = await loadOnnxModel(await make()).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ModelMismatchError);
    expect(error).toMatchObject({ disposition: "terminate", message: expect.stringMatching(words) });
  });

  it.each<[string, Partial<ModelManifest>, RegExp]>([
    ["a horizon", { horizon: 48 }, /gave float32\[2,9,64\], its manifest promises float32\[2,9,48\]/],
    ["an output", { output: "mean" }, /outputs quantile_preds, its manifest promises context and mean/],
    ["a context length", { context_length: 256 }, /breaks its promise/],
  ])("is refused when its manifest promises %s it does not have", async (_, wrong, words) => {
    const manifest = { ...(await readManifest(join(shipped, "manifest.json"))), ...wrong };
    await expect(loadOnnxModel(join(shipped, "model.onnx"), { manifest })).rejects.toThrow(words);
  });

  it.each([
    ["{", /manifest '.*' cannot be used/],
    ['{"family":"chronos-bolt"}', /input/],
    [
      JSON.stringify({
        family: "chronos-bolt",
        input: "c",
        output: "q",
        context_length: 16,
        horizon: 4,
        quantile_levels: [0.9, 0.1],
        quantile_axis: 1,
      }),
      /ascending/,
    ],
  ])("is refused when its manifest is %s", async (text, words) => {
    const path = join(folder, "manifest.json");
    await writeFile(path, text);
    await expect(readManifest(path)).rejects.toThrow(words);
  });
});

async function opened(source: Uint8Array | string) {
  const model = await loadOnnxModel(source);
  return { ...model, [Symbol.asyncDispose]: model.release };
}

async function truncated(): Promise<string> {
  const path = join(folder, "truncated.onnx");
  await writeFile(path, await readFile(join(shipped, "model.onnx")));
  await truncate(path, 1_000_000);
  return path;
}

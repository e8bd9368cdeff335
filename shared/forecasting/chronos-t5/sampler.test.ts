import { Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uniform } from "../random.ts";
import { generateGroup } from "./generate.ts";
import { type Feeds, loadGraphs, type T5Graphs } from "./graphs.ts";
import { readModelFiles, type T5Files } from "./model-files.ts";
import { RANDOM_T5 } from "./reference.fixture.ts";
import { type SampleSpec, sampler } from "./sampler.ts";
import { meanScaleUniformBins } from "./tokenizer.ts";

/** Steps that the model decodes at once. */
const BLOCK = 16;
const context = Float32Array.from({ length: 50 }, (_, t) => 30 + 5 * Math.sin(t / 4));
const spec: SampleSpec = {
  horizon: BLOCK,
  num_samples: 12,
  temperature: 1,
  top_k: 50,
  top_p: 1,
  stream: "one",
  uniform: (path, step) => uniform(1, path, step),
};

let files: T5Files;
let graphs: T5Graphs;
beforeAll(async () => {
  files = await readModelFiles(RANDOM_T5, RANDOM_T5);
  graphs = await loadGraphs(files, files.config, RANDOM_T5);
});
afterAll(() => graphs.release());

/** A sampler without caches, or with some, that counts what is computed. */
function counting(limits = { encodings: 0, paths: 0 }) {
  const count = { starts: 0, steps: 0 };
  const counted = {
    start: (...args: Parameters<T5Graphs["start"]>) => {
      count.starts += 1;
      return graphs.start(...args);
    },
    fork: graphs.fork,
    step: (...args: Parameters<T5Graphs["step"]>) => {
      count.steps += 1;
      return graphs.step(...args);
    },
  };
  return { count, sample: sampler(counted, files.config.chronos_config, limits) };
}
const CACHED = { encodings: 2 ** 20, paths: 2 ** 20 };

/** [horizon, samples] -> one path */
function pathOf(samples: Float64Array, path: number, count: number): number[] {
  return [...samples].filter((_, i) => i % count === path);
}

describe("sampled paths of chronos-t5", () => {
  it.each([1, 5, 10, 11, 23])("are nested: those of 30 begin with those of %i", async (fewer) => {
    const { sample } = counting();
    const many = await sample(context, { ...spec, num_samples: 30 });
    const few = await sample(context, { ...spec, num_samples: fewer });
    for (let path = 0; path < fewer; path += 1)
      expect(pathOf(few, path, fewer)).toEqual(pathOf(many, path, 30));
  });

  it.each([1, 7, BLOCK, BLOCK + 1])("of %i steps are the beginning of longer ones", async (horizon) => {
    const { sample } = counting();
    const longer = await sample(context, { ...spec, horizon: 2 * BLOCK + 3 });
    expect(await sample(context, { ...spec, horizon })).toEqual(longer.slice(0, horizon * spec.num_samples));
  });

  it("go on past the model's block from the lower median of the samples", async () => {
    const { sample } = counting();
    const samples = await sample(context, { ...spec, horizon: BLOCK + 4 });
    const medians = Array.from({ length: BLOCK }, (_, h) => samples.slice(h * 12, (h + 1) * 12).sort()[5]!);
    const grown = Float32Array.of(...context, ...medians);
    const later = (path: number, step: number) => uniform(1, path, BLOCK + step);
    expect(await sample(grown, { ...spec, horizon: 4, uniform: later })).toEqual(samples.slice(BLOCK * 12));
  });

  it("differ between paths, steps and seeds", async () => {
    const { sample } = counting();
    const samples = await sample(context, spec);
    expect(new Set([0, 1, 2, 3].map((path) => pathOf(samples, path, 12).join())).size).toBe(4);
    const other = { ...spec, stream: "two", uniform: (path: number, step: number) => uniform(2, path, step) };
    expect(await sample(context, other)).not.toEqual(samples);
  });

  it("scale with the series", async () => {
    const { sample } = counting();
    const samples = await sample(context, spec);
    const scaled = await sample(
      context.map((value) => value * 1024),
      spec,
    );
    expect(scaled).toEqual(samples.map((value) => value * 1024));
  });

  it("of a context with missing values ahead are those of the context alone", async () => {
    const { sample } = counting();
    const padded = Float32Array.of(...Array<number>(14).fill(Number.NaN), ...context);
    expect(await sample(padded, spec)).toEqual(await sample(context, spec));
  });
});

describe("A-OPT-8: what chronos-t5 computed is reused", () => {
  it("the encoder runs once for every temperature, cut and seed, with the same result", async () => {
    const cached = counting(CACHED);
    const plain = counting();
    const changes: Partial<SampleSpec>[] = [
      {},
      { temperature: 0.8 },
      { temperature: 1.2, top_k: 20 },
      { top_p: 0.7 },
      { stream: "two", uniform: (path, step) => uniform(2, path, step) },
    ];
    for (const change of changes)
      expect(await cached.sample(context, { ...spec, ...change })).toEqual(
        await plain.sample(context, { ...spec, ...change }),
      );
    expect(cached.count.starts).toBe(1);
    expect(plain.count.starts).toBe(changes.length);
  });

  it("drawn paths serve fewer samples and shorter horizons without a step, and more with the missing ones", async () => {
    const { sample, count } = counting(CACHED);
    const many = await sample(context, { ...spec, num_samples: 20 });
    const { steps } = count;
    await sample(context, { ...spec, num_samples: 5, horizon: 7 });
    expect(count.steps).toBe(steps);
    const more = await sample(context, { ...spec, num_samples: 30 });
    expect(count.steps).toBe(steps * 1.5);
    expect(pathOf(more, 3, 30)).toEqual(pathOf(many, 3, 20));
    expect(more).toEqual(await counting().sample(context, { ...spec, num_samples: 30 }));
  });

  it("contexts that the model cannot tell apart share it", async () => {
    const { sample, count } = counting(CACHED);
    await sample(context, spec);
    await sample(
      Float32Array.of(1e9, ...Array<number>(20).fill(2), ...context.map((x) => x / 2)).slice(-50),
      spec,
    );
    expect(count.starts).toBe(1);
  });

  it("what no longer fits goes, least recently used first", async () => {
    const start = await graphs.start(meanScaleUniformBins(files.config.chronos_config).encode(context));
    const { sample, count } = counting({ encodings: 2.5 * start.bytes, paths: 0 });
    const [a, b, c] = [2, 3, 4].map((k) => context.map((value, t) => value + (t % k) * 3));
    for (const each of [a!, b!, a!, c!, a!]) await sample(each, spec);
    expect(count.starts).toBe(3);
    await sample(b!, spec);
    expect(count.starts).toBe(4);
  });
});

it("one row of the encoder's side gives the paths that a row for each gives", async () => {
  const start = await graphs.start(meanScaleUniformBins(files.config.chronos_config).encode(context));
  const shared = graphs.fork(start, 4);
  expect(Object.values(shared.encoded).every(({ dims }) => dims[0] === 1)).toBe(true);
  const draw = { eos: 1, temperature: 1, top_k: 0, top_p: 1, uniform: spec.uniform };
  const apart: Pick<T5Graphs, "fork" | "step"> = {
    step: graphs.step,
    fork: (from, rows) => ({ ...graphs.fork(from, rows), encoded: repeated(from.encoded, rows) }),
  };
  expect(await generateGroup(apart, start, 0, 8, draw)).toEqual(
    await generateGroup(graphs, start, 0, 8, draw),
  );
});

function repeated(feeds: Feeds, rows: number): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { type, data, dims }]) => {
      const row = Array.from(data as ArrayLike<number | bigint>);
      const all = Array.from({ length: rows }, () => row).flat();
      const typed =
        type === "int64" ? BigInt64Array.from(all as bigint[]) : Float32Array.from(all as number[]);
      return [name, new Tensor(type, typed, [rows, ...dims.slice(1)])];
    }),
  );
}

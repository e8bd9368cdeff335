/** What a forecast costs beside what its model costs, and what Chronos-T5's reuse gains. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { openChronosT5 } from "../../shared/forecasting/chronos-t5/family.ts";
import { GROUP } from "../../shared/forecasting/chronos-t5/generate.ts";
import type { Feeds } from "../../shared/forecasting/chronos-t5/graphs.ts";
import { readModelFiles } from "../../shared/forecasting/chronos-t5/model-files.ts";
import { openFamily } from "../../shared/forecasting/families.ts";
import { createSession } from "../../shared/forecasting/onnx-session.ts";
import type { ForecastSpec } from "../../shared/forecasting/quantile-forecast.ts";
import { uniform } from "../../shared/forecasting/random.ts";
import { type BenchResult, quantile } from "./result.ts";

const BOLT = fileURLToPath(new URL("../../models/tiny-bolt/model.onnx", import.meta.url));
/** Another export folder may be named; the fixture's model is so small that the code around it shows. */
const T5 = process.env.RETUNE_T5 || fileURLToPath(new URL("../../models/random-t5", import.meta.url));
const BATCH = 32;
const ROUNDS = 7;
const T5_SERIES = 4;
const T5_STEPS = 16;
const SPEC: ForecastSpec = { horizon: 64, context_length: 512, num_samples: 100, temperature: 1, seed: 1 };

type Tensor = Feeds[string];
type NewTensor = new (type: string, data: unknown, dims: readonly number[]) => Tensor;
type Run = () => Promise<unknown>;

const forecasting = createRequire(new URL("../../shared/forecasting/package.json", import.meta.url));
const { Tensor: Tensors } = forecasting("onnxruntime-node") as { Tensor: NewTensor };

export async function run(): Promise<BenchResult[]> {
  return [...(await bolt()), ...(await t5())];
}

async function bolt(): Promise<BenchResult[]> {
  const contexts = seriesOf(BATCH, 512);
  const session = await createSession(BOLT, BOLT);
  const rows = Float32Array.from(contexts.flatMap((context) => [...context]));
  const feeds = { [session.inputNames[0]!]: new Tensors("float32", rows, [BATCH, 512]) };
  const model = await openFamily("chronos-bolt", BOLT);
  const [bare, quantiles, whole] = await medians(
    [
      () => session.run(feeds),
      () => model.predictQuantiles(contexts, SPEC),
      () => model.forecast(contexts, SPEC),
    ],
    8,
  );
  await session.release();
  await model.release();
  const rate = (ms: number) => (1000 * BATCH) / ms;
  return [
    { name: "Bolt, bare session, batches of 32", value: rate(bare!), unit: "forecasts/s" },
    { name: "Bolt, the family's quantiles", value: rate(quantiles!), unit: "forecasts/s" },
    { name: "Bolt, with 100 draws a step", value: rate(whole!), unit: "forecasts/s" },
    { name: "Bolt, quantiles / bare", value: quantiles! / bare!, unit: "times the time", target: "<= 1.2" },
    { name: "Bolt, with draws / bare", value: whole! / bare!, unit: "times the time" },
  ];
}

async function t5(): Promise<BenchResult[]> {
  const none = { encodings: 0, paths: 0 };
  const { config } = await readModelFiles(T5, T5);
  const { context_length } = config.chronos_config;
  const contexts = seriesOf(T5_SERIES, context_length);
  const spec = { ...SPEC, context_length, horizon: T5_STEPS, num_samples: 2 * GROUP };
  const plain = await openChronosT5(T5, { caches: none });
  const bare = await bareT5(context_length + 1);
  const [bareMs, familyMs] = await medians(
    [
      async () => {
        for (const _ of contexts) await bare.forecast();
      },
      () => plain.predictQuantiles(contexts, spec),
    ],
    1,
  );

  // Temperatures alone reuse the encoder; numbers of samples in rising order reuse paths too.
  const temperatures = [0.8, 1, 1.2].map((temperature) => ({ ...spec, temperature, num_samples: GROUP }));
  const grid = temperatures.flatMap((each) => [10, 20, 40].map((num_samples) => ({ ...each, num_samples })));
  const search = (caches: typeof none | undefined, specs: readonly ForecastSpec[]) => async () => {
    const model = await openChronosT5(T5, caches && { caches });
    const startedAt = performance.now();
    for (const each of specs) await model.predictQuantiles(contexts, each);
    const ms = performance.now() - startedAt;
    await model.release();
    return ms;
  };
  const [tempered, temperedPlain] = await medianResults([
    search(undefined, temperatures),
    search(none, temperatures),
  ]);
  const [gridded, griddedPlain] = await medianResults([search(undefined, grid), search(none, grid)]);
  await plain.release();
  await bare.release();
  const rate = (ms: number) => (1000 * T5_SERIES) / ms;
  const what = `T5 (${config.d_model} wide), 20 paths of ${T5_STEPS} steps`;
  return [
    { name: `${what}, bare sessions, no draws`, value: rate(bareMs!), unit: "forecasts/s" },
    { name: `${what}, the family`, value: rate(familyMs!), unit: "forecasts/s" },
    { name: "T5, family / bare", value: familyMs! / bareMs!, unit: "times the time" },
    {
      name: "T5, 3 temperatures: no reuse / encoder reused",
      value: temperedPlain! / tempered!,
      unit: "times",
    },
    { name: "T5, 9-point grid: no reuse / all reused", value: griddedPlain! / gridded!, unit: "times" },
  ];
}

/** The calls that a plain loop over the sessions makes for 20 paths of one context: as many rows a call as the family. */
async function bareT5(length: number): Promise<{ forecast: Run; release: Run }> {
  const files = await readModelFiles(T5, T5);
  const { config } = files;
  const encoder = await createSession(files.encoder, T5);
  const decoder = await createSession(files.decoder, T5);
  const rows = GROUP;
  const ids = (count: number, steps: number) =>
    new Tensors("int64", new BigInt64Array(count * steps).fill(100n), [count, steps]);
  const attention = (count: number) =>
    new Tensors("int64", new BigInt64Array(count * length).fill(1n), [count, length]);
  const flag = (value: number) => new Tensors("bool", Uint8Array.of(value), [1]);
  const pasts = decoder.inputNames.filter((name) => name.startsWith("past_key_values."));
  const nothing = new Tensors("float32", new Float32Array(0), [rows, config.num_heads, 0, config.d_kv]);
  const present = (past: string) => past.replace("past_key_values.", "present.");

  const forecast = async () => {
    const { last_hidden_state: hidden } = await encoder.run({
      input_ids: ids(1, length),
      attention_mask: attention(1),
    });
    const repeated = new Float32Array(rows * length * config.d_model);
    for (let row = 0; row < rows; row += 1)
      repeated.set(hidden!.data as Float32Array, row * length * config.d_model);
    const constant = {
      encoder_attention_mask: attention(rows),
      encoder_hidden_states: new Tensors("float32", repeated, [rows, length, config.d_model]),
    };
    for (let group = 0; group < 2; group += 1) {
      let feeds: Record<string, Tensor> = Object.fromEntries(pasts.map((past) => [past, nothing]));
      for (let step = 0; step < T5_STEPS; step += 1) {
        const result = await decoder.run({
          ...constant,
          ...feeds,
          input_ids: ids(rows, 1),
          use_cache_branch: flag(step && 1),
        });
        const renewed = step === 0 ? pasts : pasts.filter((past) => past.includes(".decoder."));
        feeds = { ...feeds, ...Object.fromEntries(renewed.map((past) => [past, result[present(past)]!])) };
      }
    }
  };
  const release = async () => {
    await encoder.release();
    await decoder.release();
  };
  return { forecast, release };
}

/** Waves with noise, the same on every machine. */
function seriesOf(count: number, length: number): Float32Array[] {
  return Array.from({ length: count }, (_, s) =>
    Float32Array.from({ length }, (_, t) => 50 + 10 * Math.sin((t + s) / 6) + 4 * uniform(1, s, t)),
  );
}

/** Median milliseconds of each, run in turn, after one round that is not counted. */
async function medians(runs: readonly Run[], repeats: number): Promise<number[]> {
  const timed = runs.map((each) => async () => {
    const startedAt = performance.now();
    for (let i = 0; i < repeats; i += 1) await each();
    return (performance.now() - startedAt) / repeats;
  });
  await Promise.all(runs.map((each) => each()));
  return medianResults(timed);
}

async function medianResults(runs: readonly (() => Promise<number>)[]): Promise<number[]> {
  const found: number[][] = runs.map(() => []);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [i, each] of runs.entries()) found[i]!.push(await each());
  return found.map((values) => quantile(values, 0.5));
}

if (import.meta.main) console.table(await run());

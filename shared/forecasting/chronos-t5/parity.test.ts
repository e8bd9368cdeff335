/** Chronos-T5 against chronos-forecasting, on a model with random weights. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { empiricalQuantile } from "../sampling.ts";
import type { ChronosT5Config } from "./config.ts";
import { loadGraphs, type T5Graphs } from "./graphs.ts";
import { readModelFiles } from "./model-files.ts";
import {
  liveReference,
  RANDOM_T5,
  type Reference,
  recordedReference,
  referenceUniform,
  seriesOf,
} from "./reference.fixture.ts";
import { sampler } from "./sampler.ts";
import { tokenLaw } from "./token-law.ts";
import { binTables, meanScaleUniformBins } from "./tokenizer.ts";

const sources: [string, Reference | string][] = [
  ["as recorded", await recordedReference()],
  ["run now", await liveReference()],
];

let graphs: T5Graphs;
let config: ChronosT5Config;
beforeAll(async () => {
  const files = await readModelFiles(RANDOM_T5, RANDOM_T5);
  config = files.config;
  graphs = await loadGraphs(files, config, RANDOM_T5);
});
afterAll(() => graphs.release());

describe.each(sources)("parity of chronos-t5 with the reference implementation, %s", (_, reference) => {
  if (typeof reference === "string") {
    it.skip(`not asked: ${reference}`, () => {});
    return;
  }

  it.each(reference.tables)("has the bins of $n_tokens tokens, bit for bit", ({ n_tokens, ...digests }) => {
    const { centers, boundaries } = binTables({ ...config.chronos_config, n_tokens });
    expect({ centers: digest(centers), boundaries: digest(boundaries) }).toEqual(digests);
  });

  it.each(reference.tokens)("makes the same tokens of $name", ({ values, tokens, mask, scale }) => {
    const found = meanScaleUniformBins(config.chronos_config).encode(seriesOf(values));
    expect([...found.tokens]).toEqual(tokens);
    expect([...found.mask]).toEqual(mask);
    expect(found.scale / scale).toBeCloseTo(1, 6);
  });

  it("has the same logits, to 1e-5, at every step", async () => {
    const { values, forced, logits } = reference.logits;
    const start = await graphs.start(meanScaleUniformBins(config.chronos_config).encode(seriesOf(values)));
    const paths = graphs.fork(start, 3);
    expectClose(start.logits, logits[0]!, 1e-5);
    for (const [step, token] of forced.slice(1).entries()) {
      const found = await graphs.step(paths, [token, token, token]);
      for (const row of [0, 1, 2])
        expectClose(found.subarray(row * 256, (row + 1) * 256), logits[step + 1]!, 1e-5);
    }
  });

  it.each(reference.forecasts)(
    "draws the same paths: $horizon steps, temperature $temperature, top_k $top_k, top_p $top_p",
    async ({ horizon, num_samples, kept, samples, levels, quantiles, mean, ...knobs }) => {
      const sample = sampler(graphs, config.chronos_config);
      const series = [reference.series.wave, reference.series.gaps].map(seriesOf);
      for (const [s, context] of series.entries()) {
        const uniform = (path: number, step: number) => referenceUniform(s, path, step);
        const found = await sample(context, {
          horizon,
          num_samples,
          ...knobs,
          stream: "reference",
          uniform,
        });
        for (let h = 0; h < horizon; h += 1) {
          const drawn = found.subarray(h * num_samples, (h + 1) * num_samples);
          const scale = Math.max(...samples[s]!.flat().map(Math.abs));
          expectClose(
            drawn,
            samples[s]!.map((path) => path[h]!),
            1e-6 * scale,
          );
          const sorted = drawn.slice().sort();
          expectClose(
            levels.map((level) => empiricalQuantile(sorted, level)),
            quantiles[s]![h]!,
            1e-5 * scale,
          );
          expect(Math.abs(drawn.reduce((a, b) => a + b, 0) / num_samples - mean[s]![h]!)).toBeLessThan(
            1e-5 * scale,
          );
        }
        const start = await graphs.start(meanScaleUniformBins(config.chronos_config).encode(context));
        expect(tokenLaw(start.logits, config.chronos_config.eos_token_id, knobs).tokens).toHaveLength(
          kept[s * num_samples]!,
        );
      }
    },
  );
});

function digest(values: Float32Array): string {
  return createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex");
}

function expectClose(found: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(tolerance);
}

import { hash } from "node:crypto";
import { ByteLru } from "../byte-lru.ts";
import type { ChronosT5Config } from "./config.ts";
import { type Draw, GROUP, generateGroup } from "./generate.ts";
import type { Start, T5Graphs } from "./graphs.ts";
import { meanScaleUniformBins, type TokenizedContext } from "./tokenizer.ts";

/** What decides the paths of one context. */
export interface SampleSpec extends Omit<Draw, "eos"> {
  /** names `uniform` and all that it depends on: equal names are equal numbers */
  readonly stream: string;
  /** steps */
  readonly horizon: number;
  /** paths */
  readonly num_samples: number;
}

/** Bytes kept for reuse. */
export interface SamplerCaches {
  /** what the encoder made of contexts: about 8 kB a step of context for a model of 8 million parameters */
  readonly encodings: number;
  /** drawn tokens: 4 bytes each */
  readonly paths: number;
}

const CACHES: SamplerCaches = { encodings: 192 * 2 ** 20, paths: 16 * 2 ** 20 };

/** Samples paths of one context: [horizon, num_samples], row-major, in the unit of the series. */
export type Sampler = (context: Float32Array, spec: SampleSpec) => Promise<Float64Array>;

/**
 * Forecasts by sampling, as Chronos-T5's reference does: tokens of at most `prediction_length` steps are drawn from
 * the context; for a longer horizon it grows by the median of the samples, in the unit of the series, and is scaled
 * and cut anew. Of an even number of samples the lower of the two middle ones is taken, as `torch.median` does.
 *
 * What does not depend on the knobs is computed once: the encoder's part serves every temperature, cut and seed, and
 * drawn paths serve every smaller number of samples. Results are the same with and without; within the first
 * `prediction_length` steps fewer samples are a prefix of more, and a shorter horizon always is one of a longer.
 *
 * Source: Ansari et al., "Chronos: learning the language of time series", TMLR 2024, sections 3.1 and 3.3.
 */
export function sampler(
  graphs: Pick<T5Graphs, "start" | "fork" | "step">,
  config: ChronosT5Config["chronos_config"],
  limits: Partial<SamplerCaches> = {},
): Sampler {
  const tokenizer = meanScaleUniformBins(config);
  const caches = { ...CACHES, ...limits };
  const starts = new ByteLru<Start>(caches.encodings);
  const drawn = new ByteLru<Int32Array>(caches.paths);
  const { prediction_length: block, eos_token_id: eos } = config;

  const startOf = async (key: string, context: TokenizedContext, keep: boolean) => {
    const known = starts.get(key);
    if (known !== undefined) return known;
    const start = await graphs.start(context);
    if (keep) starts.set(key, start, start.bytes);
    return start;
  };

  /** Draws the `steps` steps after the first `done` into `samples`, [steps, num_samples]. */
  const drawBlock = async (
    context: TokenizedContext,
    done: number,
    steps: number,
    { num_samples, stream, uniform, ...knobs }: SampleSpec,
    samples: Float64Array,
  ) => {
    const contextKey = keyOf(context);
    const blockKey = [contextKey, knobs.temperature, knobs.top_k, knobs.top_p, stream, done].join(":");
    const draw = { ...knobs, eos, uniform: (path: number, step: number) => uniform(path, done + step) };
    let start: Start | undefined;
    for (let first = 0; first < num_samples; first += GROUP) {
      const key = `${blockKey}:${first}`;
      let tokens = drawn.get(key);
      if (tokens === undefined || tokens.length < GROUP * steps) {
        // What follows the medians of one configuration's samples is nobody else's context.
        start ??= await startOf(contextKey, context, done === 0);
        tokens = await generateGroup(graphs, start, first, steps, draw);
        drawn.set(key, tokens, tokens.byteLength);
      }
      const length = tokens.length / GROUP;
      for (let path = first; path < Math.min(first + GROUP, num_samples); path += 1) {
        for (let step = 0; step < steps; step += 1) {
          const token = tokens[(path - first) * length + step]!;
          samples[step * num_samples + path] = tokenizer.decode(token, context.scale);
        }
      }
    }
  };

  return async (context, spec) => {
    const { horizon, num_samples } = spec;
    const samples = new Float64Array(horizon * num_samples);
    let past = context;
    for (let done = 0; done < horizon; done += block) {
      const steps = Math.min(block, horizon - done);
      const next = samples.subarray(done * num_samples, (done + steps) * num_samples);
      await drawBlock(tokenizer.encode(past), done, steps, spec, next);
      past = grow(past, next, num_samples);
    }
    return samples;
  };
}

/** The context followed by the median of the samples of each step. */
function grow(context: Float32Array, samples: Float64Array, count: number): Float32Array {
  const steps = samples.length / count;
  const grown = new Float32Array(context.length + steps);
  grown.set(context);
  for (let h = 0; h < steps; h += 1) {
    const sorted = samples.slice(h * count, (h + 1) * count).sort();
    grown[context.length + h] = sorted[(count - 1) >> 1]!;
  }
  return grown;
}

function keyOf({ tokens, mask }: TokenizedContext): string {
  const bytes = [tokens, mask].map(({ buffer }) => new Uint8Array(buffer as ArrayBuffer));
  return hash("sha1", Buffer.concat(bytes));
}

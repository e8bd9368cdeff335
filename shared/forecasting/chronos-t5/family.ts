import { InvalidInputError } from "../../errors.ts";
import type { LoadOptions, ModelFamily, ModelParameter, OpenedFamily } from "../family.ts";
import { predictWithoutSeason } from "../forecast.ts";
import { type ForecastSpec, NINE_LEVELS, type QuantileForecast } from "../quantile-forecast.ts";
import { randomKey, uniform } from "../random.ts";
import { checkDraws, checkTemperature, empiricalQuantile, LOWER_LEVEL, UPPER_LEVEL } from "../sampling.ts";
import type { ChronosConfig } from "./config.ts";
import { loadGraphs } from "./graphs.ts";
import { readModelFiles } from "./model-files.ts";
import { type SamplerCaches, type SampleSpec, sampler } from "./sampler.ts";

const PARAMETERS: readonly ModelParameter[] = [
  {
    name: "top_k",
    description:
      "likeliest tokens that are drawn from, 0 for all; 50 bins of 4093 span 0.37 times the mean absolute value",
    kind: "integer",
    min: 20,
    max: 4096,
    log: true,
    default: 50,
  },
  {
    name: "top_p",
    description: "probability mass that is drawn from, likeliest tokens first",
    kind: "float",
    min: 0.5,
    max: 1,
    default: 1,
  },
];

/**
 * Chronos-T5 in optimum's ONNX export: an encoder and a merged decoder with `config.json`, as a folder or packed by
 * `packModelFolder`. It draws sample paths itself, one token a step, with a temperature, top_k and top_p of its own.
 * Quantiles and interval are those of the samples, the point forecast is their mean.
 *
 * A path depends on the seed, its number and the newest steps of the context; configurations that are compared on the
 * same window so share their luck.
 */
export const chronosT5Family: ModelFamily = {
  name: "chronos-t5",
  heeds: ["context_length", "num_samples", "temperature"],
  parameters: PARAMETERS,
  artifact: "file",
  open: openChronosT5,
};

/** @throws {ModelMismatchError} when the model cannot be used */
export async function openChronosT5(
  artifact: string | Uint8Array | undefined,
  options: LoadOptions & { readonly caches?: Partial<SamplerCaches> } = {},
): Promise<OpenedFamily> {
  if (artifact === undefined)
    throw new InvalidInputError("model family 'chronos-t5' needs a model folder or file, none was given");
  const what = typeof artifact === "string" ? artifact : "chronos-t5";
  const files = await readModelFiles(artifact, what);
  const graphs = await loadGraphs(files, files.config, what, options);
  const sample = sampler(graphs, files.config.chronos_config, options.caches);
  return {
    sampling: "own",
    predictQuantiles: async (contexts, spec) => {
      const knobs = knobsOf(spec, files.config.chronos_config);
      const { horizon, num_samples } = spec;
      const drawn = await predictWithoutSeason(contexts, spec, async (inputs) => {
        const found: Float64Array[] = [];
        for (const [s, input] of inputs.entries())
          found.push(
            await sample(input, { ...knobs, ...streamOf(contexts[s]!, spec.seed), horizon, num_samples }),
          );
        return found;
      });
      return drawn.map((samples) => describeSamples(samples, horizon, num_samples));
    },
    summarise: ({ drawn }) => {
      if (drawn === undefined) throw new Error("the forecast is not of a family that draws itself");
      return drawn;
    },
    release: graphs.release,
  };
}

/**
 * @param own the model's config, whose top_k and top_p hold where the spec has none
 * @throws {InvalidInputError} naming the field, its value and what is expected
 */
function knobsOf({ model_params = {}, temperature, num_samples, seed }: ForecastSpec, own: ChronosConfig) {
  const { top_k = own.top_k, top_p = own.top_p } = model_params;
  const refuse = (field: string, value: unknown, expected: string) =>
    new InvalidInputError(`${field} is ${value}, expected ${expected}`);
  checkTemperature(temperature);
  checkDraws({ num_samples, seed });
  if (typeof top_k !== "number" || !Number.isInteger(top_k) || top_k < 0)
    throw refuse("model_params.top_k", top_k, "an integer, 0 for all tokens");
  if (typeof top_p !== "number" || !(top_p > 0 && top_p <= 1))
    throw refuse("model_params.top_p", top_p, "a number above 0 and at most 1");
  return { temperature, top_k, top_p };
}

/** Steps of a context that name its random numbers: every context that a spec may ask for has as many. */
const NEWEST = 8;

/** Random numbers keyed by (seed, newest values of the context, path, step). */
function streamOf(context: Float32Array, seed: number): Pick<SampleSpec, "stream" | "uniform"> {
  const newest = context.slice(-NEWEST);
  const key = randomKey(seed, ...new Int32Array(newest.buffer));
  return { stream: String(key), uniform: (path, step) => uniform(key, path, step) };
}

/** @param samples [horizon, count] */
function describeSamples(samples: Float64Array, horizon: number, count: number): QuantileForecast {
  const width = NINE_LEVELS.length;
  const values = new Float64Array(horizon * width);
  const drawn = {
    mean: new Float64Array(horizon),
    lower: new Float64Array(horizon),
    upper: new Float64Array(horizon),
  };
  for (let h = 0; h < horizon; h += 1) {
    const sorted = samples.slice(h * count, (h + 1) * count).sort();
    NINE_LEVELS.forEach((level, k) => {
      values[h * width + k] = empiricalQuantile(sorted, level);
    });
    drawn.mean[h] = sorted.reduce((sum, value) => sum + value, 0) / count;
    drawn.lower[h] = empiricalQuantile(sorted, LOWER_LEVEL);
    drawn.upper[h] = empiricalQuantile(sorted, UPPER_LEVEL);
  }
  return { levels: NINE_LEVELS, horizon, values, drawn };
}

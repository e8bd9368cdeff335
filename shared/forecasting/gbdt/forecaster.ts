import { z } from "zod";
import { explain, InvalidInputError } from "../../errors.ts";
import { takeContexts } from "../forecast.ts";
import { ModelMismatchError } from "../manifest.ts";
import type { QuantileForecast, QuantileSpec } from "../quantile-forecast.ts";
import { CALENDAR_FIELDS, timesAfter } from "../tabular/calendar.ts";
import { type Cutoff, describeCutoff, featureNames, writeRow } from "../tabular/series-features.ts";
import type { OnnxPredictor } from "./onnx-predictor.ts";
import { REFERENCES, referenceOf } from "./scaled-target.ts";

/** Name of the text input that the graph looks entities up in. */
export const ENTITY = "entity";

const count = z.int().nonnegative();

/** How a model's rows are made from series and its answers made values again: `forecaster.json` within the bundle. */
export const ForecasterLayout = z.object({
  levels: z.array(z.number()).describe("probabilities of the quantiles, ascending"),
  /** steps */
  horizon: z.int().positive(),
  context_length: z.int().positive(),
  step_ms: z.number().positive(),
  features: z.object({
    lags: count,
    changes: count,
    windows: z.array(z.int().positive()),
    seasonLength: z.int().positive(),
    calendar: z.array(z.enum(CALENDAR_FIELDS)),
  }),
  kept: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("those of the features that the trees were given, in order; absent: all"),
  reference: z.enum(REFERENCES),
  step_scales: z.array(z.number().positive()).describe("[horizon], in scales of a cutoff"),
  entities: z.boolean().describe("whether the graph takes the name of the entity"),
});
export type ForecasterLayout = z.infer<typeof ForecasterLayout>;

/** @throws {ModelMismatchError} naming what the text is of and each wrong field */
export function parseLayout(text: string, what: string): ForecasterLayout {
  try {
    const layout = ForecasterLayout.parse(JSON.parse(text));
    const names = featureNames(layout.features);
    const odd = layout.kept?.find((name) => !names.includes(name));
    if (odd !== undefined)
      throw new InvalidInputError(`kept: there is no feature '${odd}', expected some of ${names.join(", ")}`);
    return layout;
  } catch (cause) {
    throw new ModelMismatchError(`layout of '${what}' cannot be used: ${explain(cause)}`, { cause });
  }
}

/** The numeric features that the trees are given, in order. */
export function featuresOf({ features, kept }: Pick<ForecasterLayout, "features" | "kept">): string[] {
  return kept ?? featureNames(features);
}

/**
 * Forecasts every context in one run of the graph: one row per context and step ahead, all steps directly.
 *
 * A context without `spec.series` or `spec.grid` has no calendar and an unknown entity.
 *
 * @throws {InvalidInputError} for a horizon beyond the trained one, and as `takeContexts`
 */
export async function forecastRows(
  predictor: Pick<OnnxPredictor, "predict">,
  layout: ForecasterLayout,
  contexts: readonly Float32Array[],
  spec: QuantileSpec,
): Promise<QuantileForecast[]> {
  const { horizon, series, grid } = spec;
  if (horizon > layout.horizon)
    throw new InvalidInputError(
      `horizon is ${horizon} steps, the gbdt model was trained for ${layout.horizon}`,
    );
  const { features: plan } = layout;
  // Whole rows are made, whatever is kept of them: a plan of less would reach less far and measure in other scales.
  const names = featureNames(plan);
  const places = featuresOf(layout).map((name) => names.indexOf(name));
  const width = places.length;
  const rows = contexts.length * horizon;
  const features = new Float32Array(rows * width);
  const whole = new Float32Array(names.length);
  const unknown = new Float64Array(horizon).fill(Number.NaN);
  // Checked by takeContexts: every context has an observed value.
  const cutoffs = takeContexts(contexts, spec).map((past) => describeCutoff(past, plan)!);
  cutoffs.forEach((cutoff, i) => {
    const info = series?.[i];
    const times = info && grid ? timesAfter(info.endMs, horizon, grid) : unknown;
    for (let h = 0; h < horizon; h += 1) {
      const from = (i * horizon + h) * width;
      writeRow(cutoff, plan, h + 1, times[h]!, whole);
      for (let f = 0; f < width; f += 1) features[from + f] = whole[places[f]!]!;
    }
  });
  const entities = cutoffs.flatMap((_, i) => Array<string>(horizon).fill(series?.[i]?.entity ?? ""));
  const predicted = await predictor.predict(features, rows, layout.entities ? { [ENTITY]: entities } : {});
  const size = horizon * layout.levels.length;
  return cutoffs.map((cutoff, i) =>
    inUnits(layout, cutoff, predicted.subarray(i * size, (i + 1) * size), horizon),
  );
}

/** Quantiles in scales of a cutoff, [horizon, levels], as values of the series. */
function inUnits(
  { levels, reference, features, step_scales }: ForecasterLayout,
  cutoff: Cutoff,
  scaled: Float32Array,
  horizon: number,
): QuantileForecast {
  const values = new Float64Array(scaled.length);
  for (let h = 0; h < horizon; h += 1) {
    const from = referenceOf(reference, cutoff, features.seasonLength, h + 1);
    const unit = cutoff.scale * step_scales[h]!;
    for (let k = 0; k < levels.length; k += 1) {
      const at = h * levels.length + k;
      values[at] = from + unit * scaled[at]!;
    }
  }
  return { levels, horizon, values };
}

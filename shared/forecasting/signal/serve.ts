import type { OnnxPredictor } from "../gbdt/onnx-predictor.ts";
import type { ForecastSpec, QuantileForecast } from "../quantile-forecast.ts";
import { STEP_AHEAD } from "./examples.ts";
import type { SignalLayout } from "./family.ts";
import { signalFeatureNames, signalFeatures } from "./features.ts";
import { moveQuantiles, SIGNAL_LEVELS } from "./law.ts";
import { type PricePath, pricePath, usualMove } from "./path.ts";

/** Keeps the law proper where trees are sure. */
const CERTAIN = 1e-6;

/**
 * The probability of a rise at every step of the horizon, as the law of the value then: all contexts and steps in one
 * run of the graph. A context that never moves, or is too short to tell how much it moves, is forecast to stay.
 *
 * @param contexts checked, oldest step first
 */
export async function forecastSignals(
  predictor: OnnxPredictor,
  layout: SignalLayout,
  contexts: readonly Float32Array[],
  spec: ForecastSpec,
): Promise<QuantileForecast[]> {
  const { horizon } = spec;
  const names = [STEP_AHEAD, ...signalFeatureNames({}, layout.calendar)];
  const places = layout.features.map((name) => names.indexOf(name));
  const paths = contexts.map((context) => pricePath(context, layout.values));
  const rows = new Float32Array(contexts.length * horizon * places.length);
  let at = 0;
  paths.forEach((path, s) => {
    const timeMs = spec.series?.[s]?.endMs ?? Number.NaN;
    const features = signalFeatures(path, path.close.length - 1, timeMs, layout.calendar, layout.reach);
    for (let step = 1; step <= horizon; step += 1)
      for (const place of places) rows[at++] = place === 0 ? step : features[place - 1]!;
  });
  const probabilities = await predictor.predict(rows, contexts.length * horizon);
  return paths.map((path, s) => lawOf(path, layout, probabilities.subarray(s * horizon, (s + 1) * horizon)));
}

function lawOf(
  path: PricePath,
  { values: kind, sizes, reach }: SignalLayout,
  probabilities: Float32Array,
): QuantileForecast {
  const horizon = probabilities.length;
  const t = path.close.length - 1;
  const values = new Float64Array(horizon * SIGNAL_LEVELS.length);
  probabilities.forEach((rise, h) => {
    const p = Math.min(1 - CERTAIN, Math.max(CERTAIN, rise));
    const usual = usualMove(path, t, h + 1, kind, reach);
    moveQuantiles(p, sizes).forEach((move, level) => {
      values[h * SIGNAL_LEVELS.length + level] =
        kind === "price" ? path.close[t]! * Math.exp(move * usual) : move * usual;
    });
  });
  return { levels: SIGNAL_LEVELS, horizon, values };
}

import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import type { Points } from "../../../shared/forecasting/context.ts";
import { neededHistory } from "../decide.ts";
import { Laboratory } from "../simulate/laboratory.ts";
import { heardDetectors } from "./budget.ts";
import { sourceOf } from "./source.ts";
import type { Telemetry } from "./telemetry.ts";

/** Observations that are forecast from at a time: bounds the memory that their contexts take. */
const CHUNK = 500;

/**
 * Telemetry as one config would have left it: observations of a file, and, where an enabled detector looks at errors,
 * the errors of forecasts that are made again. The config is what a first search finds; it is served to the end.
 */
export async function telemetryFrom(
  points: Points,
  spec: ForecasterSpec,
  modelPath: string | undefined,
): Promise<Telemetry> {
  const observations = points.times.map(
    (atMs, i): Observation => ({
      ts: new Date(atMs).toISOString(),
      ...(spec.entity === undefined ? {} : { entity: spec.entity }),
      values: { [spec.metric]: points.values[i]! },
    }),
  );
  const looksAtErrors = heardDetectors(spec).some((name) => {
    const source = sourceOf(name, spec);
    return !("why" in source) && source.of !== "values" && source.of !== "changes";
  });
  return { observations, scores: looksAtErrors ? await forecastAgain(points, spec, modelPath) : [] };
}

async function forecastAgain(
  points: Points,
  spec: ForecasterSpec,
  modelPath: string | undefined,
): Promise<Score[]> {
  const { times } = points;
  const first = neededHistory(spec) - 1;
  if (first >= times.length) return [];
  const laboratory = await Laboratory.open(spec, points, modelPath);
  try {
    const { served } = await laboratory.search(times[first]!, null);
    const course = laboratory.course();
    const scores: Score[] = [];
    for (let from = first; from < times.length - 1; from += CHUNK) {
      const to = Math.min(from + CHUNK, times.length - 1);
      scores.push(...(await course.advance(times[from]!, times[to]!, served)));
    }
    return scores;
  } finally {
    await laboratory.release();
  }
}

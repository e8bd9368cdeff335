import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import type { Situation } from "../judgement/situation.ts";
import { tooYoung } from "./fleet.ts";
import { insufficient, percent, verdict } from "./result.ts";

/** Share above which it is critical; 15 % itself is a warning. (C-FLT-2) */
const CRITICAL_ABOVE = 0.15;
/** Predictions a rate needs to mean something, as the fleet-monitor has it. */
const MIN_PREDICTIONS = 20;

/**
 * Are too many predictions made for entities the model does not know? (C-FLT-2) The greater of the rates over the
 * rolling windows by time and by count, from the fleet-monitor. Severity is medium to 15 %, high above.
 *
 * For a forecaster of all entities it stays silent while none of the new ones has the history to be learnt from: a run
 * could not know them either.
 *
 * Cannot tell with fewer than 20 predictions in both windows, and where the fleet-monitor does not answer.
 */
export function unknownRate({ spec, inputs }: Situation): DetectorResult {
  const { threshold } = spec.trigger.unknown_rate;
  const { fleet } = inputs;
  const base = {
    detector: "unknown_rate",
    threshold,
    figures: {
      by_time: fleet?.unknown_by_time ?? null,
      by_count: fleet?.unknown_by_count ?? null,
      predictions: fleet?.predictions ?? null,
    },
    thresholds: { threshold, min_predictions: MIN_PREDICTIONS },
  } as const;
  if (fleet === null)
    return insufficient(base, "the fleet-monitor does not know the series or does not answer");
  const rates = [fleet.unknown_by_time, fleet.unknown_by_count].filter((rate) => rate !== null);
  if (fleet.predictions < MIN_PREDICTIONS || rates.length === 0)
    return insufficient(
      base,
      `${fleet.predictions} predictions in the window, ${MIN_PREDICTIONS} are needed`,
    );
  const isCurable = fleet.new === 0 || fleet.new_ripe !== 0;
  const rate = isCurable ? Math.max(...rates) : 0;
  const reason =
    `${percent(Math.max(...rates))} of the predictions are for unknown entities` +
    `${isCurable ? "" : tooYoung(fleet, spec)}; it fires at ${percent(threshold)}`;
  return verdict(base, rate, rate > CRITICAL_ABOVE ? "high" : "medium", reason);
}

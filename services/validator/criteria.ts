import type { ValidationSpec } from "../../shared/contracts/spec.ts";
import type { Criterion } from "../../shared/contracts/validator.ts";
import { improvements, isImproved, ROUNDING } from "../../shared/statistics/paired.ts";
import { change, figure, percent } from "./figures.ts";
import type { Measured, Unknown } from "./state.ts";

/** Names in a reason. */
const MOST_NAMED = 10;

/**
 * The five criteria, and of a fleet a sixth. What cannot be told (a measure that is no number, a comparison with 0) is not passed.
 *
 *     improvement      RMSE at least `min_rmse_improvement` or MAPE at least `min_mape_improvement` better (A-VAL-1)
 *     stability        error std, candidate / champion, at most `max_std_ratio`                            (A-VAL-2)
 *     inference-time   time of a forecast, candidate / champion, at most `max_time_ratio`                  (A-VAL-3)
 *     coverage         share of actuals in the 95 % interval at least `min_coverage`                       (A-VAL-4)
 *     bias             |mean error| below `max_abs_bias`, unit of the series                               (A-VAL-5)
 *     vocabulary       the candidate was trained with every entity of the data                              (C-VAL-1)
 *
 * A candidate that knows entities of the fleet which the champion does not is an improvement, too, where its RMSE is at
 * most `max_grown_rmse_ratio` times the champion's: forecasts of who is unknown are what it is to do away with.
 *
 * @param champion null where nothing is live: the first three then pass, as there is nothing to compare with
 */
export function criteria(
  candidate: Measured,
  champion: Measured | null,
  params: ValidationSpec,
  unknown?: Unknown,
): Criterion[] {
  return [
    champion === null ? unopposed("improvement") : improved(candidate, champion, params, unknown),
    ratioCriterion(
      "stability",
      "error std",
      "",
      candidate.error_std,
      champion?.error_std,
      params.max_std_ratio,
    ),
    ratioCriterion(
      "inference-time",
      "one forecast takes",
      " ms",
      candidate.inference_ms,
      champion?.inference_ms,
      params.max_time_ratio,
    ),
    covered(candidate, params.min_coverage),
    unbiased(candidate, params.max_abs_bias),
    ...(unknown === undefined ? [] : [knowing(unknown)]),
  ];
}

function unopposed(name: Criterion["name"]): Criterion {
  return { name, passed: true, value: null, limit: "none", reason: "nothing is live to compare with" };
}

function improved(
  candidate: Measured,
  champion: Measured,
  params: ValidationSpec,
  unknown: Unknown | undefined,
): Criterion {
  const { min_rmse_improvement, min_mape_improvement } = params;
  const { rmse, mape } = improvements(champion, candidate);
  const better = isImproved({ rmse, mape }, params);
  const grown = better ? undefined : grownWell(candidate, champion, params, unknown);
  const mapeText =
    candidate.mape === null || champion.mape === null
      ? "unknown"
      : `${figure(champion.mape)} % -> ${figure(candidate.mape)} %, ${change(mape)}`;
  const needs = `needs ${percent(min_rmse_improvement)} (or MAPE ${percent(min_mape_improvement)}: ${mapeText})`;
  return {
    name: "improvement",
    passed: better || grown !== undefined,
    value: rmse,
    limit: `RMSE >= ${percent(min_rmse_improvement)} or MAPE >= ${percent(min_mape_improvement)} better`,
    reason: `RMSE ${figure(champion.rmse)} -> ${figure(candidate.rmse)}: ${change(rmse)}, ${needs}${grown === undefined ? "" : `; ${grown}`}`,
  };
}

/** Why a candidate that is no better is one all the same; undefined where it is not. */
function grownWell(
  candidate: Measured,
  champion: Measured,
  { max_grown_rmse_ratio }: ValidationSpec,
  unknown: Unknown | undefined,
): string | undefined {
  const gained = unknown?.champion.filter((entity) => !unknown.candidate.includes(entity)) ?? [];
  const value = ratio(candidate.rmse, champion.rmse);
  if (gained.length === 0 || value === null || value > max_grown_rmse_ratio + ROUNDING) return undefined;
  return `but it knows ${named(gained)}, which the live model does not, and then ${figure(max_grown_rmse_ratio)} times the RMSE is allowed`;
}

function knowing({ entities, candidate }: Unknown): Criterion {
  const known = entities - candidate.length;
  return {
    name: "vocabulary",
    passed: candidate.length === 0,
    value: known / entities,
    limit: "every entity of the data",
    reason:
      candidate.length === 0
        ? `the model knows all ${entities} entities`
        : `the model knows ${known} of ${entities} entities, not ${named(candidate)}`,
  };
}

function named(entities: readonly string[]): string {
  const more = entities.length - MOST_NAMED;
  return entities.slice(0, MOST_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function ratioCriterion(
  name: "stability" | "inference-time",
  what: string,
  unit: string,
  candidate: number,
  champion: number | undefined,
  max: number,
): Criterion {
  if (champion === undefined) return unopposed(name);
  const value = ratio(candidate, champion);
  const times = value === null ? "no ratio" : `${figure(value)} times`;
  return {
    name,
    passed: value !== null && value <= max + ROUNDING,
    value,
    limit: `<= ${max} times the champion's`,
    reason: `${what} ${figure(champion)}${unit} -> ${figure(candidate)}${unit}: ${times}, at most ${max}`,
  };
}

function covered({ coverage, n }: Measured, min: number): Criterion {
  const known = n > 0 && Number.isFinite(coverage);
  return {
    name: "coverage",
    passed: known && coverage >= min - ROUNDING,
    value: known ? coverage : null,
    limit: `>= ${percent(min)}`,
    reason: known
      ? `${percent(coverage)} of ${n} actuals lie in the 95 % interval, needs ${percent(min)}`
      : "no actual to compare the 95 % interval with",
  };
}

function unbiased({ mean_error, n }: Measured, max: number): Criterion {
  const known = n > 0 && Number.isFinite(mean_error);
  return {
    name: "bias",
    passed: known && Math.abs(mean_error) < max,
    value: known ? mean_error : null,
    limit: `absolute value < ${max}`,
    reason: known
      ? `mean error ${figure(mean_error)}, has to stay below ${max} either way`
      : "no error to average",
  };
}

/** Candidate over champion; 1 where both are 0, null where there is no such number. */
function ratio(candidate: number, champion: number): number | null {
  if (!Number.isFinite(candidate) || !Number.isFinite(champion)) return null;
  if (champion > 0) return finite(candidate / champion);
  return candidate === champion ? 1 : null;
}

function finite(value: number | null): number | null {
  return Number.isFinite(value) ? value : null;
}

import type { Prediction } from "../../../shared/contracts/telemetry.ts";
import { pinballLoss } from "../../../shared/statistics/errors.ts";
import type { Quantiles } from "../state.ts";

const MOST_LEVELS_KEPT = 1_000;

/** Levels that were seen, by their texts: a million predictions of one model share one array. */
const known = new Map<string, readonly number[]>();

/** Quantiles as they wait for their truth; levels that are no number in (0, 1) are left out, and none is undefined. */
export function quantilesOf(quantiles: Prediction["quantiles"]): Quantiles | undefined {
  if (quantiles === undefined) return undefined;
  const texts = Object.keys(quantiles).filter((text) => Number(text) > 0 && Number(text) < 1);
  if (texts.length === 0) return undefined;
  const key = texts.join(" ");
  let levels = known.get(key);
  if (levels === undefined) {
    levels = texts.map(Number);
    if (known.size >= MOST_LEVELS_KEPT) known.clear();
    known.set(key, levels);
  }
  return { levels, values: texts.map((text) => quantiles[text]!) };
}

/**
 * Mean pinball loss of one forecast over its K quantile levels q with values f_q and the actual a,
 *
 *     Σ_q max(q · (a − f_q), (q − 1) · (a − f_q)) / K
 *
 * in the unit of the series. Twice its sum over scores, divided by Σ |a|, is the mean weighted quantile loss of
 * the forecasting literature.
 *
 * Source: Gneiting & Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA 102 (2007).
 */
export function meanPinball({ levels, values }: Quantiles, actual: number): number {
  let total = 0;
  for (const [i, level] of levels.entries()) total += pinballLoss([actual], [values[i]!], level);
  return total / levels.length;
}

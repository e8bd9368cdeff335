import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { populationStabilityIndex } from "../../../shared/statistics/psi.ts";
import type { Situation } from "../judgement/situation.ts";
import { insufficient, severityOf, short, verdict } from "./result.ts";
import { compared, counts, leading, samplePairs } from "./samples.ts";

/**
 * Do the values spread otherwise over the bins of the reference? The population stability index less what it is
 * expected to be without a change: of 14 values the index alone is above any customary bound all the time.
 *
 * Cannot tell with fewer than `min_points` values in either window.
 */
export function psi(situation: Situation): DetectorResult {
  const params = situation.spec.trigger.psi;
  const { on, threshold, bins, min_points, seasonal, recent, reference } = params;
  const results = samplePairs(situation, params).map((pair): DetectorResult => {
    const base = {
      detector: "psi",
      threshold,
      figures: { ...counts(pair), psi: null, expected: null },
      thresholds: { on, threshold, bins, min_points, seasonal, recent, reference },
    } as const;
    if (pair.problem !== undefined) return insufficient(base, pair.problem);
    const index = populationStabilityIndex(pair.reference, pair.recent, { bins });
    const excess = Math.max(0, index.psi - index.expected);
    const figures = { ...base.figures, psi: index.psi, expected: index.expected, bins: index.bins };
    const reason =
      `${compared(pair, params)}: stability index ${short(index.psi)}, ${short(index.expected)} of it expected ` +
      `by chance; it fires at ${threshold} more than that`;
    return verdict({ ...base, figures }, excess, severityOf(excess, threshold), reason);
  });
  return leading(results);
}

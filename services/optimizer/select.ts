import type { BacktestMetrics, TrialResult } from "../../shared/contracts/optimizer.ts";

export type FiniteTrial = TrialResult & { readonly rmse: number; readonly metrics: BacktestMetrics };

/**
 * The best trial that saw every window: least value, which is the objective with its weighted costs, RMSE unless the
 * spec says otherwise; of equals the cheapest, that is the smaller context, then fewer samples, then the temperature
 * nearest to 1, which is the model's own spread: where a forecast is the median of its law, an error tells nothing about
 * the temperature, and intervals made narrower by chance would fail coverage. At last the lower number.
 * Does not depend on the order of the rows. (A-OPT-1, A-OPT-2, A-OPT-8)
 *
 * @returns undefined where every trial failed
 */
export function selectBest(results: Iterable<TrialResult>): FiniteTrial | undefined {
  const finished = [...results].filter(isFinished);
  // An RMSE says nothing beside another objective; it decides where that can be told of no trial at all.
  const told = finished.filter(({ value, objective }) => (value ?? objective) != null);
  const compared = told.length > 0 ? told : finished;
  return compared.reduce<FiniteTrial | undefined>(
    (best, each) => (best === undefined || isBefore(each, best) ? each : best),
    undefined,
  );
}

/** What went wrong, most frequent first, each with its count: `model cannot be read (27 trials)`. */
export function failureCauses(results: Iterable<TrialResult>): string {
  const counts = new Map<string, number>();
  for (const { rmse, error = "no reason was given" } of results)
    if (rmse === null) counts.set(error, (counts.get(error) ?? 0) + 1);
  const causes = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const shown = causes
    .slice(0, 5)
    .map(([cause, count]) => `${cause} (${count} ${count === 1 ? "trial" : "trials"})`);
  const more = causes.length > 5 ? `; and ${causes.length - 5} more causes` : "";
  return `${shown.join("; ")}${more}`;
}

function isFinished(result: TrialResult): result is FiniteTrial {
  return result.rmse !== null && result.metrics !== null && result.pruned !== true;
}

function lossOf({ value, objective, rmse }: FiniteTrial): number {
  return value ?? objective ?? rmse;
}

function isBefore(a: FiniteTrial, b: FiniteTrial): boolean {
  if (lossOf(a) !== lossOf(b)) return lossOf(a) < lossOf(b);
  const { params: x } = a;
  const { params: y } = b;
  if (x.context_length !== y.context_length) return x.context_length < y.context_length;
  if (x.num_samples !== y.num_samples) return x.num_samples < y.num_samples;
  const [spreadX, spreadY] = [x, y].map(({ temperature }) => Math.abs(Math.log(temperature)));
  if (spreadX !== spreadY) return spreadX! < spreadY!;
  return a.number < b.number;
}

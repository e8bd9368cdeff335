import type { Score } from "../../../shared/contracts/telemetry.ts";
import { versusBaselines } from "../words/baseline.ts";
import type { AccuracyView } from "./view.ts";
import { TimeWindow } from "./window.ts";

/** Squared errors over the scores that carry a baseline's error: the forecast's and the baseline's. */
interface Pairs {
  n: number;
  squares: number;
  baselineSquares: number;
}

interface Sums {
  n: number;
  squares: number;
  inside: number;
  readonly lastValue: Pairs;
  readonly seasonalNaive: Pairs;
  readonly seen: Set<string>;
}

const TARGETS = 60;

/**
 * Rolling accuracy of a champion over the newest 60 targets, all steps of all forecasts together:
 *
 *     RMSE            = sqrt(mean error²)
 *     baseline's RMSE = sqrt(mean naive_error²) or sqrt(mean seasonal_naive_error²), and the champion's over the same scores
 *
 * A score (issued_at, target, step) counts once, however often it arrives; of a fleet, which has too many to remember
 * them all, as often as it arrives. Challengers' scores and those of incidents
 * are ignored.
 */
export class Accuracy {
  private readonly targets = new TimeWindow<Sums>(TARGETS);
  private readonly isFleet: boolean;

  constructor({ isFleet }: { readonly isFleet: boolean }) {
    this.isFleet = isFleet;
  }

  add(score: Score): void {
    if (score.variant === "challenger" || score.in_incident === true) return;
    const target = Date.parse(score.target_ts);
    const sums = this.targets.get(target) ?? emptySums();
    const key = `${score.issued_at}|${score.step}`;
    if (sums.seen.has(key)) return;
    if (!this.isFleet) sums.seen.add(key);
    sums.n += 1;
    sums.squares += score.error ** 2;
    if (score.in_interval) sums.inside += 1;
    pair(sums.lastValue, score.error, score.naive_error);
    pair(sums.seasonalNaive, score.error, score.seasonal_naive_error);
    this.targets.set(target, sums);
  }

  /** Null before the first score. The verdict compares forecast and baseline on the same scores. */
  view(): AccuracyView | null {
    const { values } = this.targets.newestEntries();
    const sum = (pick: (sums: Sums) => number) => values.reduce((total, each) => total + pick(each), 0);
    const n = sum((each) => each.n);
    if (n === 0) return null;
    const lastValue = rmsePair(values.map((each) => each.lastValue));
    const seasonalNaive = rmsePair(values.map((each) => each.seasonalNaive));
    const versus = versusBaselines([
      { baseline: "last value", ...lastValue },
      { baseline: "seasonal naive", ...seasonalNaive },
    ]);
    return {
      targets: values.length,
      n,
      rmse: Math.sqrt(sum((each) => each.squares) / n),
      coverage: sum((each) => each.inside) / n,
      last_value_rmse: lastValue.baselineRmse,
      seasonal_naive_rmse: seasonalNaive.baselineRmse,
      beats_baselines: versus?.beats ?? null,
      verdict: versus?.words ?? null,
    };
  }
}

function emptySums(): Sums {
  return { n: 0, squares: 0, inside: 0, lastValue: noPairs(), seasonalNaive: noPairs(), seen: new Set() };
}

function noPairs(): Pairs {
  return { n: 0, squares: 0, baselineSquares: 0 };
}

function pair(pairs: Pairs, error: number, baselineError: number | undefined): void {
  if (baselineError === undefined) return;
  pairs.n += 1;
  pairs.squares += error ** 2;
  pairs.baselineSquares += baselineError ** 2;
}

/** RMSE of forecast and baseline; null without pairs. */
function rmsePair(all: readonly Pairs[]): { rmse: number | null; baselineRmse: number | null } {
  const n = all.reduce((total, each) => total + each.n, 0);
  const rmse = (pick: (pairs: Pairs) => number) =>
    n === 0 ? null : Math.sqrt(all.reduce((total, each) => total + pick(each), 0) / n);
  return { rmse: rmse((each) => each.squares), baselineRmse: rmse((each) => each.baselineSquares) };
}

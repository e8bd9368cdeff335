import type { Score } from "../../../shared/contracts/telemetry.ts";
import { versusLastValue } from "../words/baseline.ts";
import type { AccuracyView } from "./view.ts";
import { TimeWindow } from "./window.ts";

interface Sums {
  n: number;
  squares: number;
  inside: number;
  pairs: number; // scores that carry the naive error
  pairSquares: number;
  naiveSquares: number;
  seen: Set<string>;
}

const TARGETS = 60;

/**
 * Rolling accuracy of a champion over the newest 60 targets, all steps of all forecasts together:
 *
 *     RMSE            = sqrt(mean error²)
 *     last-value RMSE = sqrt(mean naive_error²), and the champion's over the same scores
 *
 * A score (issued_at, target, step) counts once, however often it arrives. Challengers' scores are ignored.
 */
export class Accuracy {
  private readonly targets = new TimeWindow<Sums>(TARGETS);

  add(score: Score): void {
    if (score.variant === "challenger") return;
    const target = Date.parse(score.target_ts);
    const sums = this.targets.get(target) ?? emptySums();
    const key = `${score.issued_at}|${score.step}`;
    if (sums.seen.has(key)) return;
    sums.seen.add(key);
    sums.n += 1;
    sums.squares += score.error ** 2;
    if (score.in_interval) sums.inside += 1;
    if (score.naive_error !== undefined) {
      sums.pairs += 1;
      sums.pairSquares += score.error ** 2;
      sums.naiveSquares += score.naive_error ** 2;
    }
    this.targets.set(target, sums);
  }

  /** Null before the first score. The verdict compares both forecasts on the same pairs. */
  view(): AccuracyView | null {
    const { values } = this.targets.newestEntries();
    const sum = (pick: (sums: Sums) => number) => values.reduce((total, each) => total + pick(each), 0);
    const n = sum((each) => each.n);
    if (n === 0) return null;
    const pairs = sum((each) => each.pairs);
    const lastValue = pairs === 0 ? null : Math.sqrt(sum((each) => each.naiveSquares) / pairs);
    const onPairs = pairs === 0 ? null : Math.sqrt(sum((each) => each.pairSquares) / pairs);
    const versus = versusLastValue(onPairs, lastValue);
    return {
      targets: values.length,
      n,
      rmse: Math.sqrt(sum((each) => each.squares) / n),
      coverage: sum((each) => each.inside) / n,
      last_value_rmse: lastValue,
      beats_last_value: versus?.beats ?? null,
      verdict: versus?.words ?? null,
    };
  }
}

function emptySums(): Sums {
  return { n: 0, squares: 0, inside: 0, pairs: 0, pairSquares: 0, naiveSquares: 0, seen: new Set() };
}

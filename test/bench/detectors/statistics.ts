import { calibrateThreshold } from "../../../shared/statistics/calibrate-threshold.ts";
import { ksDistanceOfSorted } from "../../../shared/statistics/ks-distance.ts";
import {
  initialPageHinkley,
  type PageHinkleyParams,
  updatePageHinkley,
} from "../../../shared/statistics/page-hinkley.ts";
import { populationStabilityIndex } from "../../../shared/statistics/psi.ts";
import { moments } from "../../../shared/statistics/sample.ts";
import { wasserstein } from "../../../shared/statistics/wasserstein.ts";
import { coolDownOf, type Stream, type Windows } from "./streams.ts";

/** One alarm allowed in so many evaluations, for every kind of series. */
export const BUDGET = 200;
const SEED = 20_260_101;

const STATISTICS = ["ks", "psi", "wasserstein", "meanShift", "pageHinkley"] as const;
export type StatisticName = (typeof STATISTICS)[number];
/** Each statistic at each evaluation. */
type Columns = Readonly<Record<StatisticName, Float64Array>>;

/** δ as in the spec; it is run to the end of a stretch, so no threshold stops it. */
const PAGE_HINKLEY: PageHinkleyParams = {
  delta: 0.1,
  threshold: Number.POSITIVE_INFINITY,
  minInstances: 1,
  alpha: 1,
  direction: "both",
};

const computed = new WeakMap<Float64Array, Columns>();

/** What Retune's window detectors compare with their thresholds, over all evaluations of a series; remembered. */
export function statisticsOf(values: Float64Array, windows: Windows): Columns {
  const known = computed.get(values);
  if (known !== undefined) return known;
  const n = evaluations(values, windows);
  const columns = Object.fromEntries(STATISTICS.map((name) => [name, new Float64Array(n)])) as Columns;
  for (let e = 0; e < n; e += 1) {
    const [reference, recent] = windowsAt(values, windows, e);
    const before = reference.toSorted();
    const now = recent.toSorted();
    const [{ mean, std }, { mean: meanNow }] = [moments(reference), moments(recent)];
    const { psi, expected } = populationStabilityIndex(before, now);
    columns.ks[e] = ksDistanceOfSorted(now, before).distance;
    columns.psi[e] = psi - expected;
    columns.wasserstein[e] = wasserstein(before, now).inStds ?? Number.POSITIVE_INFINITY;
    columns.meanShift[e] = std > 0 ? Math.abs(meanNow - mean) / std : meanNow === mean ? 0 : Infinity;
    columns.pageHinkley[e] = pageHinkley(values, windows, e);
  }
  computed.set(values, columns);
  return columns;
}

/** Over both windows, in their own standard deviations; as in the trigger it does not start anew at an alarm. */
function pageHinkley(
  values: Float64Array,
  { recent, reference, every }: Windows,
  evaluation: number,
): number {
  const from = (evaluation + 1) * every;
  const stretch = values.subarray(from, from + recent + reference);
  const { mean, std } = moments(stretch);
  let step = { state: initialPageHinkley(), statistic: 0 };
  if (std > 0)
    for (let i = 0; i < stretch.length; i += 1)
      step = updatePageHinkley(step.state, (stretch[i]! - mean) / std, PAGE_HINKLEY);
  return step.statistic;
}

const thresholds = new WeakMap<Stream, Record<StatisticName, number | null>>();

/** The threshold of a statistic that a stream's past gives for the budget, null where it is too short for one. */
export function calibratedThreshold(stream: Stream, statistic: StatisticName): number | null {
  let known = thresholds.get(stream);
  if (known === undefined) {
    known = allThresholds(stream);
    thresholds.set(stream, known);
  }
  return known[statistic];
}

function allThresholds({ past, windows }: Stream): Record<StatisticName, number | null> {
  // The seed is the same for all statistics, and so are the series drawn: each is looked at once.
  const drawn: Columns[] = [];
  const threshold = (name: StatisticName): number | null => {
    let replicate = 0;
    return calibrateThreshold({
      history: past,
      period: windows.period,
      statistics: (indexes) => {
        drawn[replicate] ??= statisticsOf(
          Float64Array.from(indexes, (i) => past[i]!),
          windows,
        );
        return drawn[replicate++]![name];
      },
      alarms: 1,
      per: BUDGET,
      coolDown: coolDownOf(windows),
      seed: SEED,
    }).threshold;
  };
  return Object.fromEntries(STATISTICS.map((name) => [name, threshold(name)])) as Record<
    StatisticName,
    number | null
  >;
}

/** How often a series is looked at; the first evaluation comes `every` steps after both windows are full. */
export function evaluations(values: Float64Array, { recent, reference, every }: Windows): number {
  return Math.max(0, Math.floor((values.length - recent - reference) / every));
}

/** The reference and the recent window of an evaluation, in order of time. */
export function windowsAt(
  values: Float64Array,
  { recent, reference, every }: Windows,
  evaluation: number,
): readonly [reference: Float64Array, recent: Float64Array] {
  const end = recent + reference + (evaluation + 1) * every;
  return [values.subarray(end - recent - reference, end - recent), values.subarray(end - recent, end)];
}

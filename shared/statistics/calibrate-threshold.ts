import { randomKey } from "../forecasting/random.ts";
import { alarmsOf } from "./alarms.ts";
import { autocorrelationTime } from "./autocorrelation.ts";
import { seasonalBlockBootstrap } from "./block-bootstrap.ts";
import { optimalBlockLengths } from "./block-length.ts";
import { learnSeasonalProfile, withoutSeason } from "./seasonal-profile.ts";

/**
 * Share of the budget that is aimed at. A history is one draw of many: on AR(1) series with 60 to 120 seasons, φ = 0
 * to 0.95, thresholds aimed at the whole budget let through 1.2 to 1.7 times of it on average.
 */
const AIM = 0.5;
/** Autocorrelation times a block spans, and those it must span in a short history; more changed little on AR(1). */
const TIMES_PER_BLOCK = { usual: 5, least: 2 } as const;
/** Blocks a history must yield; fewer only repeat it. */
const LEAST_BLOCKS = 4;
/** Alarms aimed at over all replicates together, at which their count is exact to about a seventh. */
const ALARMS_WANTED = 50;
/** Below this the threshold would be a guess from a handful of extremes. */
const LEAST_ALARMS = 5;
const LEAST_REPLICATES = 20;
const MOST_REPLICATES = 1_000;

export interface CalibrationInput {
  /**
   * What the detector watches over a stretch in which nothing changed, in order of time on an even grid. It settles
   * the length of blocks.
   */
  readonly history: ArrayLike<number>;
  /** length of its season in steps; 1 is none */
  readonly period: number;
  /**
   * The detector, replayed over a series drawn from the history and given as indexes into it (so that times, other
   * metrics or entities can be drawn along): its alarm statistic at each evaluation, in order. It fires where the
   * statistic reaches the threshold. NaN is "cannot tell", and an evaluation that does not count.
   */
  readonly statistics: (indexes: Int32Array) => ArrayLike<number>;
  /** alarms allowed in each `per` evaluations that can tell */
  readonly alarms: number;
  readonly per: number;
  /** evaluations within which a second alarm is not counted, see `alarmsOf`; 1 counts all */
  readonly coolDown: number;
  readonly seed: number;
  /** series to draw; left out: as many as 50 alarms take, 20 to 1,000 */
  readonly replicates?: number;
  /**
   * Steps; left out: five autocorrelation times, a season, or Politis and White's rule, whichever is longest, but a
   * quarter of the history at most.
   */
  readonly blockLength?: number;
}

export interface Calibration {
  readonly threshold: number;
  /** alarms in each `per` evaluations at that threshold over all replicates: half the budget or a little less */
  readonly achieved: number;
  /** alarms over all replicates: the standard error of `achieved` is about achieved / √alarms */
  readonly alarms: number;
  /** evaluations that could tell, over all replicates */
  readonly evaluations: number;
  readonly replicates: number;
  readonly blockLength: number;
  /** τ of the history without its season, in steps */
  readonly autocorrelationTime: number;
}

/** Why no threshold was found. */
export interface NoCalibration {
  readonly threshold: null;
  readonly reason: string;
}

/**
 * The lowest threshold of a detector at which false alarms stay within a budget (A-FUT-3).
 *
 * Series are drawn from a history without change by the seasonal block bootstrap: season and autocorrelation stay,
 * whatever else the history holds is shuffled. The detector runs over each, alarms within a cool-down count once, and
 * the threshold is the smallest statistic at which
 *
 *     alarms / evaluations <= budget / 2
 *
 * over all of them; half of it, because a history is one draw of many and its extremes fall short of those to come.
 * Alarms never grow with the threshold (see `alarmsOf`), so bisection finds it.
 *
 * What it cannot know: swings longer than a block are cut, so a series that wanders alarms more often than asked, and
 * a change within the history makes it deaf.
 *
 * A detector that restarts after an alarm is to be run here without restarting.
 *
 * @returns no threshold, and why: too little history for four blocks of a season and two autocorrelation times, no
 *   evaluation that can tell, a budget so small that the replicates allow fewer than five alarms, or a statistic that
 *   takes its largest value too often
 * @throws {RangeError} for a budget, period or cool-down out of range, and for NaN or infinities in the history
 *
 * Sources: Dudek, Leśkow, Paparoditis & Politis (2014), see `seasonalBlockBootstrap`; Politis & White (2004), see
 * `optimalBlockLengths`.
 */
export function calibrateThreshold(input: CalibrationInput): Calibration | NoCalibration {
  const { history, period, per, coolDown, seed } = input;
  if (!(input.alarms > 0 && per > 0))
    throw new RangeError(`a budget is positive but got ${input.alarms} alarms per ${per}`);
  const n = history.length;
  if (n < 2 * period) return none(`${n} values are fewer than two seasons of ${period}`);
  const deseasonalised = withoutOwnSeason(history, period);
  const tau = autocorrelationTime(deseasonalised);
  const least = Math.ceil(Math.max(period, TIMES_PER_BLOCK.least * tau));
  const usual = Math.max(period, TIMES_PER_BLOCK.usual * tau, optimalBlockLengths(deseasonalised).circular);
  const longest = Math.floor(n / LEAST_BLOCKS);
  const blockLength = input.blockLength ?? Math.max(least, Math.min(longest, Math.ceil(usual)));
  if (blockLength > longest || n < blockLength + period)
    return none(`${n} values are fewer than ${LEAST_BLOCKS} blocks of ${blockLength}`);

  const draw = (replicate: number) =>
    input.statistics(seasonalBlockBootstrap(n, period, blockLength, randomKey(seed, replicate)));
  const runs = [Float64Array.from(draw(0))];
  const perRun = countTold(runs[0]!);
  if (perRun === 0) return none(`no evaluation over ${n} values can tell`);
  const needed = Math.ceil((ALARMS_WANTED * per) / (AIM * input.alarms * perRun));
  const replicates = input.replicates ?? Math.min(MOST_REPLICATES, Math.max(LEAST_REPLICATES, needed));
  for (let r = 1; r < replicates; r += 1) runs.push(Float64Array.from(draw(r)));

  const evaluations = runs.reduce((sum, run) => sum + countTold(run), 0);
  const allowed = (AIM * input.alarms * evaluations) / per;
  if (allowed < LEAST_ALARMS)
    return none(
      `${replicates} replicates of ${perRun} evaluations allow ${allowed.toPrecision(2)} alarms, ` +
        `${LEAST_ALARMS} are needed to tell a threshold`,
    );
  const count = (threshold: number) =>
    runs.reduce(
      (sum, run) =>
        sum +
        alarmsOf(
          run.map((x) => Number(x >= threshold)),
          coolDown,
        ).length,
      0,
    );
  const threshold = lowestWithin(runs, allowed, count);
  if (threshold === undefined)
    return none("the statistic takes its largest value more often than the budget allows");
  const alarms = count(threshold);
  const achieved = (alarms * per) / evaluations;
  return { threshold, achieved, alarms, evaluations, replicates, blockLength, autocorrelationTime: tau };
}

/** The smallest of all statistics at which the count is within what is allowed, by bisection. */
function lowestWithin(
  runs: readonly Float64Array[],
  allowed: number,
  count: (threshold: number) => number,
): number | undefined {
  const told = runs.flatMap((run) => Array.from(run).filter((x) => !Number.isNaN(x)));
  const candidates = Float64Array.from(told).sort();
  let low = 0;
  let high = candidates.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (count(candidates[middle]!) <= allowed) high = middle;
    else low = middle + 1;
  }
  return candidates[low];
}

function withoutOwnSeason(history: ArrayLike<number>, period: number): Float64Array {
  const steps = Float64Array.from(history, (_, t) => t);
  const season = { periodMs: period, phases: period };
  const profile = learnSeasonalProfile(steps, history, season, { minPerPhase: 2 });
  return profile === null ? Float64Array.from(history) : withoutSeason(steps, history, profile);
}

function countTold(run: Float64Array): number {
  return run.reduce((sum, x) => sum + (Number.isNaN(x) ? 0 : 1), 0);
}

function none(reason: string): NoCalibration {
  return { threshold: null, reason };
}

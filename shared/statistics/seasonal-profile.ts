import { median, requireFinite } from "./sample.ts";

/** How time falls into the phases of a season. */
export interface Season {
  /** ms of one season, e.g. a day */
  readonly periodMs: number;
  /** equal parts it is cut into, e.g. 24 */
  readonly phases: number;
}

/** What each phase of a season adds; plain numbers, so that it may be kept. */
export interface SeasonalProfile extends Season {
  /** by phase, unit of the values; the typical phase adds 0, so values keep their level without it */
  readonly offsets: readonly number[];
}

/** Phase of a moment, 0 … phases − 1; phase 0 begins at a whole number of periods since 1970 in UTC. */
export function phaseOf(timeMs: number, { periodMs, phases }: Season): number {
  const within = ((timeMs % periodMs) + periodMs) % periodMs;
  return Math.min(phases - 1, Math.floor((within / periodMs) * phases));
}

/**
 * The seasonal profile of a reference: per phase the median (or mean) of its values, less the mean of those over all
 * phases. Detectors that compare windows take it out first; otherwise a window that covers part of a season differs
 * from the reference without any change.
 *
 * The median lets neither a spike nor one strange day into the profile; the mean is more exact on clean data.
 *
 * @param timesMs ms since 1970, any order
 * @param values  as many, in any unit
 * @param minPerPhase values each phase needs, else the profile would be noise
 * @returns null where a phase has fewer values than that: not enough reference to tell a season
 * @throws {RangeError} when the lengths differ, a value is NaN or infinite, or the season has no phase or length
 */
export function learnSeasonalProfile(
  timesMs: ArrayLike<number>,
  values: ArrayLike<number>,
  season: Season,
  { by = "median", minPerPhase = 3 }: { readonly by?: "median" | "mean"; readonly minPerPhase?: number } = {},
): SeasonalProfile | null {
  const { periodMs, phases } = season;
  if (timesMs.length !== values.length)
    throw new RangeError(`${timesMs.length} times do not pair with ${values.length} values`);
  if (!(periodMs > 0) || !Number.isInteger(phases) || phases < 1)
    throw new RangeError(`a season has a length and whole phases but got ${periodMs} ms in ${phases}`);
  const byPhase = Array.from({ length: phases }, (): number[] => []);
  if (values.length > 0) requireFinite(values, "reference");
  for (let i = 0; i < values.length; i += 1) byPhase[phaseOf(timesMs[i]!, season)]!.push(values[i]!);
  if (byPhase.some((each) => each.length < Math.max(1, minPerPhase))) return null;
  const centres = byPhase.map((each) => (by === "median" ? median(each) : average(each)));
  const level = average(centres);
  return { periodMs, phases, offsets: centres.map((centre) => centre - level) };
}

/** Values without their season, at the same level. @throws {RangeError} when the lengths differ */
export function withoutSeason(
  timesMs: ArrayLike<number>,
  values: ArrayLike<number>,
  profile: SeasonalProfile,
): Float64Array {
  if (timesMs.length !== values.length)
    throw new RangeError(`${timesMs.length} times do not pair with ${values.length} values`);
  return Float64Array.from(values, (value, i) => value - profile.offsets[phaseOf(timesMs[i]!, profile)]!);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

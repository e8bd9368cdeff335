import { InvalidInputError } from "../../errors.ts";

/** Forecasts of one member in one training. */
const MOST_FORECASTS = 512;
/** Share of a series that its members are judged on. */
const JUDGED = 0.4;
const FEWEST_WINDOWS = 4;

/**
 * Where the members of an ensemble are judged: evenly spaced cutoffs, at most a horizon apart, in the last two fifths of
 * the series, the last one followed by a whole horizon.
 *
 * @param length  steps of the longest series
 * @param wanted  cutoffs, fewer for a large fleet
 * @param entities series that are forecast at each
 * @returns ascending indexes of the last step a forecast may see
 * @throws {InvalidInputError} when the series has no room for four cutoffs
 */
export function judgingCutoffs(length: number, horizon: number, wanted: number, entities: number): number[] {
  const room = Math.floor(JUDGED * length) - horizon;
  const count = Math.max(FEWEST_WINDOWS, Math.min(wanted, Math.floor(MOST_FORECASTS / entities)));
  const step = Math.min(horizon, Math.floor(room / (count - 1)));
  if (step < 1) {
    const needed = Math.ceil((horizon + count - 1) / JUDGED);
    throw new InvalidInputError(
      `the longest series has ${length} steps, an ensemble needs ${needed} to judge its members ${count} times over ${horizon} steps`,
    );
  }
  const last = length - 1 - horizon;
  return Array.from({ length: count }, (_, i) => last - (count - 1 - i) * step);
}

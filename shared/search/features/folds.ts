import { InvalidInputError } from "../../errors.ts";

/** Rows to fit on, 0 … `trainTo`, and later ones to look at the result on, `testFrom` … `testTo`; ends are exclusive. */
export interface Fold {
  readonly trainTo: number;
  readonly testFrom: number;
  readonly testTo: number;
}

/**
 * Walk-forward folds: the rows are cut into `count` + 1 parts of about equal size, and each part but the first is
 * predicted from what was known when it began. Rows of one time stay together, and rows whose label was not known yet,
 * as it lies some steps ahead, are in neither side of a fold.
 *
 * @param times   [rows] when a row's features are known, ascending
 * @param knownAt [rows] when its label is known, ascending
 * @param leftOut of the folds, the earliest, which have the least to fit on, are not wanted
 * @throws {InvalidInputError} when times do not ascend, or a fold would have nothing to fit on or to look at
 */
export function timeOrderedFolds(
  times: ArrayLike<number>,
  knownAt: ArrayLike<number>,
  count: number,
  leftOut = 0,
): Fold[] {
  const rows = times.length;
  for (const [name, values] of Object.entries({ times, knownAt })) requireAscending(name, values, rows);
  return Array.from({ length: count - leftOut }, (_, i) => {
    const k = leftOut + i;
    const testFrom = firstOfTime(times, Math.floor((rows * (k + 1)) / (count + 1)));
    const testTo = k + 1 === count ? rows : firstOfTime(times, Math.floor((rows * (k + 2)) / (count + 1)));
    let trainTo = testFrom;
    while (trainTo > 0 && knownAt[trainTo - 1]! > times[testFrom]!) trainTo -= 1;
    if (trainTo === 0 || testFrom >= testTo)
      throw new InvalidInputError(
        `${rows} rows are too few for ${count} folds in order of time: fold ${k + 1} has ${trainTo} rows to fit on and ${Math.max(0, testTo - testFrom)} to look at`,
      );
    return { trainTo, testFrom, testTo };
  });
}

function firstOfTime(times: ArrayLike<number>, row: number): number {
  let first = row;
  while (first > 0 && times[first - 1] === times[row]) first -= 1;
  return first;
}

function requireAscending(name: string, values: ArrayLike<number>, rows: number): void {
  if (values.length !== rows)
    throw new InvalidInputError(`${name} has ${values.length} values, expected ${rows}, one for each row`);
  for (let row = 1; row < rows; row += 1)
    if (!(values[row]! >= values[row - 1]!))
      throw new InvalidInputError(`${name}[${row}] is ${values[row]}, expected at least ${values[row - 1]}`);
}

/**
 * The alarms a person would get from a run of evaluations: each evaluation that fires counts, unless it comes within
 * `coolDown` evaluations of the last one counted.
 *
 * A lower threshold never yields fewer of them: the count is that of the fewest spans of `coolDown` evaluations which
 * cover all that fired.
 *
 * @param fired    one entry an evaluation; an evaluation that cannot tell has not fired
 * @param coolDown evaluations, a whole number; 1 counts every one that fired
 * @returns indexes of the counted alarms, ascending
 * @throws {RangeError} when `coolDown` is no whole number above 0
 */
export function alarmsOf(fired: ArrayLike<boolean | number>, coolDown: number): number[] {
  if (!Number.isInteger(coolDown) || coolDown < 1)
    throw new RangeError(`a cool-down is a whole number of evaluations above 0 but got ${coolDown}`);
  const alarms: number[] = [];
  for (let i = 0; i < fired.length; i += 1) {
    if (!fired[i]) continue;
    alarms.push(i);
    i += coolDown - 1;
  }
  return alarms;
}

/**
 * Average run length: evaluations from one alarm to the next on a stretch without change, n / alarms. Above n, and
 * said so by null, where there was none.
 */
export function averageRunLength(evaluations: number, alarms: number): number | null {
  return alarms === 0 ? null : evaluations / alarms;
}

/** The release that is installed where none is found. */
export const PINNED_VERSION = "2.15.2";

/** The oldest release the bus works with: Debian 12's. */
export const OLDEST_VERSION = "2.9.10";

/** Compares `major.minor.patch`, leaving out anything behind it: negative when `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbers(a), numbers(b)];
  const at = left.findIndex((part, i) => part !== right[i]);
  return at < 0 ? 0 : left[at]! - right[at]!;
}

function numbers(version: string): number[] {
  const match = /(\d+)\.(\d+)\.(\d+)/.exec(version);
  return match ? match.slice(1, 4).map(Number) : [0, 0, 0];
}

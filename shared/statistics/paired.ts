/**
 * By how much a challenger beats a champion on the same targets, 1 − challenger / champion, for any measure of
 * which less is better: 0.05 is five percent better, negative is worse.
 *
 * @returns null where one of them is no number, or where the champion is at 0 and cannot be beaten
 */
export function improvement(champion: number, challenger: number): number | null {
  if (!(champion > 0) || !Number.isFinite(challenger)) return null;
  return 1 - challenger / champion;
}

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

/** Errors of one config on some targets. */
export interface PairedErrors {
  readonly rmse: number;
  readonly mape: number | null; // null where every actual is 0
}

/** `improvement` in both measures that A-VAL-1 looks at; null where it cannot be told. */
export function improvements(
  champion: PairedErrors,
  challenger: PairedErrors,
): { readonly rmse: number | null; readonly mape: number | null } {
  return {
    rmse: finite(improvement(champion.rmse, challenger.rmse)),
    mape:
      champion.mape === null || challenger.mape === null
        ? null
        : finite(improvement(champion.mape, challenger.mape)),
  };
}

/** Ratios of measured numbers miss round limits by the last bit. */
export const ROUNDING = 1e-9;

/** Whether RMSE or MAPE is better by as much as is asked for (A-VAL-1). What cannot be told is not. */
export function isImproved(
  { rmse, mape }: ReturnType<typeof improvements>,
  limits: { readonly min_rmse_improvement: number; readonly min_mape_improvement: number },
): boolean {
  return atLeast(rmse, limits.min_rmse_improvement) || atLeast(mape, limits.min_mape_improvement);
}

function finite(value: number | null): number | null {
  return Number.isFinite(value) ? value : null;
}

function atLeast(value: number | null, limit: number): boolean {
  return value !== null && value >= limit - ROUNDING;
}

import { percent, signedPercent } from "./format.ts";

/**
 * Whether `rmse` beats that of the last-value forecast on the same targets, in words:
 * "beats last value by 4.2 %" or "does not beat last value (+1.3 %)". Undefined where there is nothing
 * to compare: a missing figure or a baseline without error.
 */
export function versusLastValue(
  rmse: number | null | undefined,
  naiveRmse: number | null | undefined,
): { readonly beats: boolean; readonly words: string } | undefined {
  if (rmse == null || naiveRmse == null || !(naiveRmse > 0)) return undefined;
  const change = rmse / naiveRmse - 1;
  return change < 0
    ? { beats: true, words: `beats last value by ${percent(-change)}` }
    : { beats: false, words: `does not beat last value (${signedPercent(change)})` };
}

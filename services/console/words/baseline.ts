import { list, percent, signedPercent } from "./format.ts";

/** RMSE of a forecast and of a baseline on the same targets. */
export interface Comparison {
  readonly baseline: string; // in words: "last value"
  readonly rmse: number | null | undefined;
  readonly baselineRmse: number | null | undefined;
}

export interface Verdict {
  readonly beats: boolean; // each of them
  readonly words: string;
}

/**
 * Whether a forecast beats its baselines, in words: "beats last value by 4.2 %", "does not beat last value (+1.3 %)",
 * "beats last value by 4.2 %, but not seasonal naive (+1.3 %)". What cannot be compared is left out: a missing figure,
 * a baseline without error. Undefined where nothing is left.
 */
export function versusBaselines(comparisons: readonly Comparison[]): Verdict | undefined {
  const changes = comparisons.flatMap(({ baseline, rmse, baselineRmse }) =>
    rmse == null || baselineRmse == null || !(baselineRmse > 0)
      ? []
      : [{ baseline, change: rmse / baselineRmse - 1 }],
  );
  if (changes.length === 0) return undefined;
  const beaten = changes
    .filter(({ change }) => change < 0)
    .map(({ baseline, change }) => `${baseline} by ${percent(-change)}`);
  const others = changes
    .filter(({ change }) => !(change < 0))
    .map(({ baseline, change }) => `${baseline} (${signedPercent(change)})`)
    .join(" or ");
  if (others === "") return { beats: true, words: `beats ${list(beaten)}` };
  if (beaten.length === 0) return { beats: false, words: `does not beat ${others}` };
  return { beats: false, words: `beats ${list(beaten)}, but not ${others}` };
}

/** As `versusBaselines`, against the last-value forecast alone. */
export function versusLastValue(
  rmse: number | null | undefined,
  baselineRmse: number | null | undefined,
): Verdict | undefined {
  return versusBaselines([{ baseline: "last value", rmse, baselineRmse }]);
}

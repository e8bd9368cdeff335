/** Losses of one trial, one a window: null where there was nothing to score, NaN or infinite where the forecast failed. */
export type WindowLosses = readonly (number | null)[];

/** Mean over the windows that could be scored; infinite where one failed or none could be. */
export function meanLoss(losses: WindowLosses): number {
  let sum = 0;
  let n = 0;
  for (const loss of losses) {
    if (loss === null) continue;
    if (!Number.isFinite(loss)) return Number.POSITIVE_INFINITY;
    sum += loss;
    n += 1;
  }
  return n === 0 ? Number.POSITIVE_INFINITY : sum / n;
}

/** Of `losses − others`, over the windows that both could score. */
export interface PairedDifference {
  readonly n: number;
  readonly mean: number;
  /** of the mean: √(Σ (d − mean)² / (n − 1) / n); 0 for n < 2 */
  readonly standardError: number;
}

export function pairedDifference(losses: WindowLosses, others: WindowLosses): PairedDifference {
  const differences = losses.flatMap((loss, w) => {
    const other = others[w] ?? null;
    return loss === null || other === null ? [] : [loss - other];
  });
  const n = differences.length;
  if (n === 0) return { n, mean: 0, standardError: 0 };
  const mean = differences.reduce((sum, d) => sum + d, 0) / n;
  if (n === 1 || differences.every((d) => d === differences[0])) return { n, mean, standardError: 0 };
  const squares = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0);
  return { n, mean, standardError: Math.sqrt(squares / (n - 1) / n) };
}

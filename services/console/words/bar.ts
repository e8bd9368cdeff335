import { figure } from "./format.ts";

/** "━━━━━━──── 11/27" with `width` cells in the bar. */
export function bar(done: number, total: number, width = 24): string {
  const share = total <= 0 ? 0 : Math.max(0, Math.min(1, done / total));
  const filled = Math.round(share * width);
  return `${"━".repeat(filled)}${"─".repeat(width - filled)} ${done}/${total}`;
}

/** One search as a line: "eurusd-7d  ━━━━──── 11/27  best RMSE 0.0081". */
export function progressLine(
  forecaster: string,
  progress: { done: number; total: number; best_rmse: number | null; phase: string },
): string {
  const best = progress.best_rmse === null ? "" : `  best RMSE ${figure(progress.best_rmse)}`;
  const phase = progress.phase === "fallback" ? "  (fallback)" : "";
  return `${forecaster}  ${bar(progress.done, progress.total)}${best}${phase}`;
}

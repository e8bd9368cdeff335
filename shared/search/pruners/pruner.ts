import type { WindowLosses } from "./window-losses.ts";

/** What a trial has come to at a rung. */
export interface Contender {
  readonly number: number;
  /** of all windows up to this rung, in the search's order; null for a trial that failed as a whole */
  readonly losses: WindowLosses | null;
}

export interface Dropped {
  readonly number: number;
  /** for people */
  readonly because: string;
}

/** A way to give trials up early. It depends on its arguments alone, not on the order of contenders. */
export interface Pruner {
  /**
   * How many windows a trial has been through after each rung, ascending, up to all of them.
   *
   * @param windows of the backtest, at least 1
   */
  readonly rungs: (windows: number) => number[];
  /**
   * Those that do not go on to the next rung. Failed ones never do.
   *
   * @param contenders trials that this rung was run for
   * @param rivals     trials of earlier generations that got through this rung: they compare, nothing is decided on them
   */
  readonly drop: (contenders: readonly Contender[], rivals: readonly Contender[]) => Dropped[];
}

/** Whether a trial has no losses, one that is no number, or no window that could be scored. */
export function isFailed({ losses }: Contender): boolean {
  return losses === null || losses.every((loss) => loss === null) || losses.some(isLost);
}

function isLost(loss: number | null): boolean {
  return loss !== null && !Number.isFinite(loss);
}

export function failed({ number }: Contender): Dropped {
  return { number, because: "failed: it has no loss, or one that is no number" };
}

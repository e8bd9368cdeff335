import { randomKey } from "../forecasting/random.ts";
import { permutation } from "./permutation.ts";
import { halving } from "./pruners/halving.ts";
import { type Contender, type Dropped, failed, isFailed, type Pruner } from "./pruners/pruner.ts";
import { racing } from "./pruners/racing.ts";
import { STREAMS } from "./streams.ts";

/** Pruners by the name a spec calls them by. */
export const PRUNERS = {
  none: { rungs: (windows) => [windows], drop: dropFailed },
  race: racing,
  halving,
} as const satisfies Record<string, Pruner>;

export type PrunerName = keyof typeof PRUNERS;

function dropFailed(contenders: readonly Contender[]): Dropped[] {
  return contenders.filter(isFailed).map(failed);
}

/**
 * The order in which a search goes through its windows: a permutation drawn by the seed, as the first ones in order of
 * time are all of one season and one level. Windows of a rung may be run in any order.
 *
 * @returns indexes of the windows
 */
export function windowOrder(windows: number, seed: number): number[] {
  return permutation(windows, randomKey(seed, STREAMS.windows));
}

import type { Start, T5Graphs } from "./graphs.ts";
import { drawToken, type SamplingKnobs, type TokenLaw, tokenLaw } from "./token-law.ts";

/**
 * Paths that are decoded together. Groups are always full, so that the arithmetic of a path, down to its last bit,
 * does not depend on how many paths were asked for.
 */
export const GROUP = 10;

export interface Draw extends SamplingKnobs {
  /** the token that is never drawn */
  readonly eos: number;
  /** a number in [0, 1) for each path and step from 0 */
  readonly uniform: (path: number, step: number) => number;
}

/**
 * Decodes one group of sample paths, token by token.
 *
 * @param first number of the first path, a multiple of GROUP
 * @returns [GROUP, steps]
 */
export async function generateGroup(
  graphs: Pick<T5Graphs, "fork" | "step">,
  start: Start,
  first: number,
  steps: number,
  { eos, uniform, ...knobs }: Draw,
): Promise<Int32Array> {
  const found = new Int32Array(GROUP * steps);
  const newest = new Int32Array(GROUP);
  const take = (law: TokenLaw, row: number, step: number) => {
    newest[row] = drawToken(law, uniform(first + row, step));
    found[row * steps + step] = newest[row]!;
  };
  const opening = tokenLaw(start.logits, eos, knobs);
  for (let row = 0; row < GROUP; row += 1) take(opening, row, 0);

  const paths = graphs.fork(start, GROUP);
  const vocabulary = start.logits.length;
  for (let step = 1; step < steps; step += 1) {
    const logits = await graphs.step(paths, newest);
    for (let row = 0; row < GROUP; row += 1) {
      const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
      take(tokenLaw(own, eos, knobs), row, step);
    }
  }
  return found;
}

import { empiricalQuantile } from "./sampling.ts";

/** Quantiles of the next block: [series, block, levels] row-major, ascending over the levels. */
export type PredictBlock = (contexts: readonly Float32Array[]) => Promise<Float32Array>;

export interface BlockShape {
  /** steps one block holds */
  readonly block: number;
  readonly levels: readonly number[];
  /** most steps of context the model takes */
  readonly contextLength: number;
}

/**
 * Forecasts past the block a model predicts at once, by Chronos-Bolt's rule. The first block comes from the plain
 * context. After it every series goes on as L contexts, one per level, each grown by the block predicted at that
 * level. Their L × L predictions are one sample of the next block, whose quantiles at the L levels are reported and
 * grow the contexts in turn. With nine levels these are the elements 8, 16, …, 72 of 81 in ascending order.
 *
 * Each block after the first costs L times the first. A shorter horizon is a prefix of a longer one.
 *
 * @param contexts one per series, oldest step first, NaN for missing
 * @param horizon  steps
 * @returns per series [horizon, levels], row-major
 */
export async function unroll(
  predictBlock: PredictBlock,
  contexts: readonly Float32Array[],
  horizon: number,
  shape: BlockShape,
): Promise<Float64Array[]> {
  const { block, levels, contextLength } = shape;
  const width = levels.length;
  const results = contexts.map(() => new Float64Array(horizon * width));
  let blocks = split(await predictBlock(contexts), contexts.length);
  copyBlock(blocks, results, 0, width);

  let paths = contexts.flatMap((context) => levels.map(() => context));
  for (let done = block; done < horizon; done += block) {
    paths = paths.map((path, i) =>
      grow(path, blocks[Math.floor(i / width)]!, i % width, width, contextLength),
    );
    const branches = split(await predictBlock(paths), paths.length);
    blocks = contexts.map((_, s) => pool(branches.slice(s * width, (s + 1) * width), block, levels));
    copyBlock(blocks, results, done, width);
  }
  return results;
}

function split(values: Float32Array, series: number): Float32Array[] {
  const size = values.length / series;
  return Array.from({ length: series }, (_, s) => values.subarray(s * size, (s + 1) * size));
}

function copyBlock(
  blocks: readonly Float32Array[],
  results: readonly Float64Array[],
  from: number,
  width: number,
): void {
  results.forEach((result, s) => {
    result.set(blocks[s]!.subarray(0, result.length - from * width), from * width);
  });
}

/** The path followed by the predicted block at one level, cut to its last `contextLength` steps. */
function grow(
  path: Float32Array,
  values: Float32Array,
  level: number,
  width: number,
  contextLength: number,
): Float32Array {
  const block = values.length / width;
  const grown = new Float32Array(path.length + block);
  grown.set(path);
  for (let h = 0; h < block; h += 1) grown[path.length + h] = values[h * width + level]!;
  return grown.subarray(Math.max(0, grown.length - contextLength));
}

/** Quantiles, at the levels, of what all branches of one series predict: [block, levels]. */
function pool(branches: readonly Float32Array[], block: number, levels: readonly number[]): Float32Array {
  const width = levels.length;
  const pooled = new Float32Array(block * width);
  const sample = new Float32Array(width * width);
  for (let h = 0; h < block; h += 1) {
    branches.forEach((branch, b) => {
      sample.set(branch.subarray(h * width, (h + 1) * width), b * width);
    });
    sample.sort();
    levels.forEach((level, k) => {
      pooled[h * width + k] = empiricalQuantile(sample, level);
    });
  }
  return pooled;
}

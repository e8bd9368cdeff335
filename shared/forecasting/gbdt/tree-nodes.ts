import type { Split } from "./split.ts";
import { LEAF, type Tree } from "./tree.ts";

/** A tree's arrays while it grows. */
export class TreeNodes {
  readonly #feature: Int32Array;
  readonly #threshold: Float32Array;
  readonly #missingLeft: Uint8Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  #count = 0;

  constructor(capacity: number) {
    this.#feature = new Int32Array(capacity).fill(LEAF);
    this.#threshold = new Float32Array(capacity);
    this.#missingLeft = new Uint8Array(capacity);
    this.#left = new Int32Array(capacity);
    this.#right = new Int32Array(capacity);
  }

  /** @returns the number of a new leaf */
  add(): number {
    return this.#count++;
  }

  split(node: number, { feature, missingLeft }: Split, threshold: number): [left: number, right: number] {
    this.#feature[node] = feature;
    this.#threshold[node] = threshold;
    this.#missingLeft[node] = missingLeft ? 1 : 0;
    const left = this.add();
    const right = this.add();
    this.#left[node] = left;
    this.#right[node] = right;
    return [left, right];
  }

  finish(): Omit<Tree, "values"> {
    const count = this.#count;
    return {
      feature: this.#feature.slice(0, count),
      threshold: this.#threshold.slice(0, count),
      missingLeft: this.#missingLeft.slice(0, count),
      left: this.#left.slice(0, count),
      right: this.#right.slice(0, count),
    };
  }
}

import { solvePositive } from "./solve-positive.ts";

/** Σ x xᵀ and Σ x yᵀ of rows x [inputs] and y [outputs], all that a linear fit needs of them. */
export interface CrossProducts {
  readonly inputs: number;
  readonly outputs: number;
  /** [inputs, inputs] row-major; the lower triangle alone is kept */
  readonly xx: Float64Array;
  /** [inputs, outputs] row-major */
  readonly xy: Float64Array;
  rows: number;
}

export function emptyProducts(inputs: number, outputs: number): CrossProducts {
  return {
    inputs,
    outputs,
    xx: new Float64Array(inputs * inputs),
    xy: new Float64Array(inputs * outputs),
    rows: 0,
  };
}

/** Takes one row in. */
export function addRow(products: CrossProducts, x: Float64Array, y: Float64Array): void {
  const { inputs, outputs, xx, xy } = products;
  for (let i = 0; i < inputs; i += 1) {
    const xi = x[i]!;
    if (xi === 0) continue;
    for (let j = 0; j <= i; j += 1) xx[i * inputs + j]! += xi * x[j]!;
    for (let o = 0; o < outputs; o += 1) xy[i * outputs + o]! += xi * y[o]!;
  }
  products.rows += 1;
}

/** The ridge grows by this factor until the equations can be solved. */
const STEP = 10;
const LARGEST = 1e6;

/**
 * Ridge regression, W = (Σ x xᵀ + λ s D)⁻¹ Σ x yᵀ, with s the mean of the penalised diagonal, so that λ is free of
 * units, and D the identity, but 0 for the inputs that are `free`. Where rounding leaves the matrix not positive
 * definite λ is multiplied by 10 until it is.
 *
 * @param ridge λ, above 0
 * @param free  inputs that are not penalised, such as an intercept
 * @returns W [inputs, outputs] row-major; all 0 when nothing but 0 was taken in
 *
 * Source: Hoerl & Kennard, "Ridge regression", Technometrics 12 (1970).
 */
export function ridgeRegression(
  products: CrossProducts,
  ridge: number,
  free: ReadonlySet<number> = new Set(),
): Float64Array {
  const { inputs, xx, xy } = products;
  const mean = meanDiagonal(products, free);
  if (!(mean > 0)) return new Float64Array(xy.length);
  for (let lambda = ridge; lambda <= LARGEST; lambda *= STEP) {
    const matrix = xx.slice();
    for (let i = 0; i < inputs; i += 1) if (!free.has(i)) matrix[i * inputs + i]! += lambda * mean;
    const weights = xy.slice();
    if (solvePositive(matrix, weights, inputs)) return weights;
  }
  return new Float64Array(xy.length);
}

function meanDiagonal({ inputs, xx }: CrossProducts, free: ReadonlySet<number>): number {
  let sum = 0;
  for (let i = 0; i < inputs; i += 1) if (!free.has(i)) sum += xx[i * inputs + i]!;
  return sum / (inputs - free.size);
}

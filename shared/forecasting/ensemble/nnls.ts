import { solvePositive } from "../solve-positive.ts";

/** Below this share of the largest |Aᵀ y| a gradient is 0. */
const TOLERANCE = 1e-10;

/**
 * Non-negative least squares, argmin ‖A x − y‖² with x ≥ 0, from the cross products of A's columns.
 *
 * @param ata  AᵀA, [n, n] row-major
 * @param aty  Aᵀy, [n]
 * @returns x, [n]; columns that repeat others stay at 0
 *
 * Source: Lawson & Hanson, "Solving least squares problems" (1974), chapter 23, algorithm NNLS.
 */
export function nonNegativeLeastSquares(ata: Float64Array, aty: Float64Array): Float64Array {
  const n = aty.length;
  const x = new Float64Array(n);
  const passive = new Set<number>();
  const refused = new Set<number>();
  const least = TOLERANCE * Math.max(...aty.map(Math.abs));
  // Each round settles one more column or ends; 3 n is the authors' bound.
  for (let round = 0; round < 3 * n; round += 1) {
    const next = steepest(ata, aty, x, passive, refused);
    if (next === undefined || gradient(ata, aty, x, next) <= least) break;
    passive.add(next);
    let free = solveOn(ata, aty, [...passive]);
    if (free === undefined) {
      passive.delete(next);
      refused.add(next);
      continue;
    }
    while (free !== undefined && [...passive].some((i) => !(free![i]! > 0))) {
      retreat(x, free, passive);
      free = solveOn(ata, aty, [...passive]);
    }
    if (free !== undefined) x.set(free);
    refused.clear();
  }
  return x;
}

function gradient(ata: Float64Array, aty: Float64Array, x: Float64Array, i: number): number {
  let sum = aty[i]!;
  for (let j = 0; j < x.length; j += 1) sum -= ata[i * x.length + j]! * x[j]!;
  return sum;
}

function steepest(
  ata: Float64Array,
  aty: Float64Array,
  x: Float64Array,
  passive: ReadonlySet<number>,
  refused: ReadonlySet<number>,
): number | undefined {
  let best: number | undefined;
  let most = -Infinity;
  for (let i = 0; i < x.length; i += 1) {
    if (passive.has(i) || refused.has(i)) continue;
    const slope = gradient(ata, aty, x, i);
    if (slope > most) [best, most] = [i, slope];
  }
  return best;
}

/** Goes from x towards `free` until the first element is 0, which then leaves the passive set. */
function retreat(x: Float64Array, free: Float64Array, passive: Set<number>): void {
  let share = 1;
  for (const i of passive) if (!(free[i]! > 0)) share = Math.min(share, x[i]! / (x[i]! - free[i]!));
  for (const i of [...passive]) {
    x[i] = x[i]! + share * (free[i]! - x[i]!);
    if (x[i]! <= 1e-15) {
      x[i] = 0;
      passive.delete(i);
    }
  }
}

/** The unconstrained solution with all other elements 0; undefined where the columns depend on each other. */
function solveOn(ata: Float64Array, aty: Float64Array, columns: readonly number[]): Float64Array | undefined {
  const n = aty.length;
  const matrix = Float64Array.from(columns.flatMap((i) => columns.map((j) => ata[i * n + j]!)));
  const right = Float64Array.from(columns, (i) => aty[i]!);
  if (!solvePositive(matrix, right, columns.length)) return undefined;
  const x = new Float64Array(n);
  columns.forEach((i, k) => {
    x[i] = right[k]!;
  });
  return x;
}

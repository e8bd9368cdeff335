/**
 * Solves A X = B for a symmetric positive definite A by Cholesky decomposition, A = L Lᵀ.
 *
 * @param matrix [n, n] row-major; its lower triangle is overwritten with L
 * @param right  [n, columns] row-major, overwritten with X
 * @returns false when A is not positive definite to working precision; `right` is then untouched
 */
export function solvePositive(matrix: Float64Array, right: Float64Array, n: number): boolean {
  if (!factorise(matrix, n, TOLERANCE)) return false;
  const columns = right.length / n;
  for (let i = 0; i < n; i += 1) {
    eliminate(right, columns, i, 0, i, (k) => matrix[i * n + k]!);
    divide(right, columns, i, matrix[i * n + i]!);
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    eliminate(right, columns, i, i + 1, n, (k) => matrix[k * n + i]!);
    divide(right, columns, i, matrix[i * n + i]!);
  }
  return true;
}

/** Below this share of its diagonal element a pivot is rounding. */
const TOLERANCE = 1e-13;

/**
 * The L with L Lᵀ = A, in place of the lower triangle of a symmetric A; what lies above is not looked at.
 *
 * @param tolerance share of its diagonal element that a pivot must be above
 * @returns false when A is not positive definite to that; its content is lost then
 */
export function factorise(matrix: Float64Array, n: number, tolerance = 0): boolean {
  for (let i = 0; i < n; i += 1) {
    const row = i * n;
    const diagonal = matrix[row + i]!;
    for (let j = 0; j <= i; j += 1) {
      const other = j * n;
      let sum = matrix[row + j]!;
      for (let k = 0; k < j; k += 1) sum -= matrix[row + k]! * matrix[other + k]!;
      if (i > j) matrix[row + j] = sum / matrix[other + j]!;
      else if (sum > tolerance * diagonal) matrix[row + i] = Math.sqrt(sum);
      else return false;
    }
  }
  return true;
}

/** Row i of `right` less Σ factor(k) · row k, k from `from` to before `to`. */
function eliminate(
  right: Float64Array,
  columns: number,
  i: number,
  from: number,
  to: number,
  factor: (k: number) => number,
): void {
  for (let k = from; k < to; k += 1) {
    const share = factor(k);
    for (let c = 0; c < columns; c += 1) right[i * columns + c]! -= share * right[k * columns + c]!;
  }
}

function divide(right: Float64Array, columns: number, i: number, by: number): void {
  for (let c = 0; c < columns; c += 1) right[i * columns + c]! /= by;
}

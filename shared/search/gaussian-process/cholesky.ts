/** Lower triangular matrices, [n, n] row-major; what lies above the diagonal is not looked at. */

/**
 * The L with L Lᵀ = A, in place of A.
 *
 * @param matrix symmetric
 * @returns false when the matrix is not positive definite in floating point; its content is lost then
 */
export function factorise(matrix: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i += 1) {
    const row = i * n;
    for (let j = 0; j <= i; j += 1) {
      const other = j * n;
      let sum = matrix[row + j]!;
      for (let k = 0; k < j; k += 1) sum -= matrix[row + k]! * matrix[other + k]!;
      if (i !== j) matrix[row + j] = sum / matrix[other + j]!;
      else if (sum > 0 && Number.isFinite(sum)) matrix[row + i] = Math.sqrt(sum);
      else return false;
    }
  }
  return true;
}

/** x of L x = b, in place of b. */
export function solveLower(lower: Float64Array, b: Float64Array, n: number): void {
  for (let i = 0; i < n; i += 1) {
    const row = i * n;
    let sum = b[i]!;
    for (let k = 0; k < i; k += 1) sum -= lower[row + k]! * b[k]!;
    b[i] = sum / lower[row + i]!;
  }
}

/** x of Lᵀ x = b, in place of b. */
export function solveUpper(lower: Float64Array, b: Float64Array, n: number): void {
  for (let i = n - 1; i >= 0; i -= 1) {
    let sum = b[i]!;
    for (let k = i + 1; k < n; k += 1) sum -= lower[k * n + i]! * b[k]!;
    b[i] = sum / lower[i * n + i]!;
  }
}

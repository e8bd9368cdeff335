/** Lower triangular matrices, [n, n] row-major; what lies above the diagonal is not looked at. */

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

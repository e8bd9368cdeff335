/**
 * Quantile at position p · (n − 1), linear between neighbours, as `empiricalQuantile`, without sorting all: Hoare's
 * selection, O(n) on average. Reorders the values.
 *
 * @param values not empty, no NaN
 * @param p in 0 … 1
 */
export function selectQuantile(values: Float64Array, p: number): number {
  const position = p * (values.length - 1);
  const index = Math.floor(position);
  select(values, index);
  const value = values[index]!;
  const fraction = position - index;
  if (fraction === 0) return value;
  let next = Infinity;
  for (let i = index + 1; i < values.length; i += 1) if (values[i]! < next) next = values[i]!;
  return value + fraction * (next - value);
}

/** Moves the value of rank `k` to place k, smaller ones before it and larger ones behind it. */
function select(values: Float64Array, k: number): void {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = medianOfThree(values[low]!, values[(low + high) >>> 1]!, values[high]!);
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i += 1;
      while (values[j]! > pivot) j -= 1;
      if (i > j) break;
      const swapped = values[i]!;
      values[i] = values[j]!;
      values[j] = swapped;
      i += 1;
      j -= 1;
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else return;
  }
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

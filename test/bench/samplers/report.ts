/** Two digits that count, as few characters as they take. */
export function short(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.0005) return value < 0 ? "-0.000" : "0.000";
  const digits = Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits);
}

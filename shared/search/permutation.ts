import { uniformAt } from "../forecasting/random.ts";

/** 0 … size − 1 in an order drawn by the key, each as likely as any other (Fisher and Yates). */
export function permutation(size: number, key: number): number[] {
  const order = Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i -= 1) {
    const other = Math.floor(uniformAt(key, i) * (i + 1));
    [order[i], order[other]] = [order[other]!, order[i]!];
  }
  return order;
}

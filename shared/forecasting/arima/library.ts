import { createRequire } from "node:module";
import type { Moments } from "./integrated-noise.ts";

/** ARIMA(p, d, q)(P, D, Q)_s; s is 0 where P = D = Q = 0. */
export interface Order {
  readonly p: number;
  readonly d: number;
  readonly q: number;
  readonly P: number;
  readonly D: number;
  readonly Q: number;
  readonly s: number;
}

/** Exact maximum likelihood costs the cube of the season, so that it ends here. */
const LONGEST_EXACT_SEASON = 12;
const EXACT = 0;
const BOX_JENKINS = 2;

interface ArimaConstructor {
  new (
    options: Order & { readonly method: number; readonly verbose: boolean },
  ): {
    train(values: readonly number[]): void;
    /** means and variances */
    predict(horizon: number): [number[], number[]];
    destroy(): void;
  };
}

/** What the library prints: complaints about a fit, and nothing else since `verbose` is off. */
const printed: string[] = [];
let loaded: ArimaConstructor | undefined;

/**
 * The library binds `console.log` once, when it is loaded, and prints complaints there that it does not throw. So it
 * is loaded with a `console.log` that keeps them.
 */
function library(): ArimaConstructor {
  if (loaded !== undefined) return loaded;
  const { log } = console;
  console.log = (line: unknown) => void printed.push(String(line));
  try {
    loaded = createRequire(import.meta.url)("arima") as ArimaConstructor;
  } finally {
    console.log = log;
  }
  return loaded;
}

/** Values that a fit needs at least: two seasons, and three for each estimated number. */
export function leastValues({ p, d, q, P, D, Q, s }: Order): number {
  return d + s * D + Math.max(3 * (p + q + P + Q + 1), 2 * s, 10);
}

/**
 * Fits by exact maximum likelihood, or by Box and Jenkins' unconditional sum of squares where the season is longer than
 * 12 steps or exact likelihood ends outside the stationary region.
 *
 * @param values finite, at least `leastValues`, about zero and of scale one: the optimiser stops at fixed steps
 * @param order  with at least one of p, q, P, Q above zero: without, the library answers with whatever is in its memory
 * @returns undefined when neither fit is stationary and finite
 */
export function fitArima(values: Float64Array, horizon: number, order: Order): Moments | undefined {
  const methods = order.s > LONGEST_EXACT_SEASON ? [BOX_JENKINS] : [EXACT, BOX_JENKINS];
  for (const method of methods) {
    const moments = fitOnce(values, horizon, order, method);
    if (moments !== undefined) return moments;
  }
  return undefined;
}

function fitOnce(values: Float64Array, horizon: number, order: Order, method: number): Moments | undefined {
  const Arima = library();
  const model = new Arima({ ...order, method, verbose: false });
  printed.length = 0;
  try {
    model.train([...values]);
    const [means, variances] = model.predict(horizon);
    const sane = means.every(Number.isFinite) && variances.every((x) => x >= 0 && x < Infinity);
    return printed.length === 0 && sane
      ? { means: Float64Array.from(means), variances: Float64Array.from(variances) }
      : undefined;
  } finally {
    model.destroy();
  }
}

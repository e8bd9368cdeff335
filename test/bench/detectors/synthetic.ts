import { randomKey, uniformAt } from "../../../shared/forecasting/random.ts";
import type { Kind } from "./data.ts";
import { streamOf } from "./streams.ts";

const HOURS = 24 * 200;
const STREAMS = 4;

/** 200 days of hourly AR(1) of variance 1 with a daily season of the same variance, nothing changes. */
export function autoregressiveKinds(): Kind[] {
  return [0, 0.3, 0.6, 0.8, 0.95].map((phi, k) => ({
    title: `AR(1), φ = ${phi}, daily season`,
    streams: Array.from({ length: STREAMS }, (_, s) =>
      streamOf(`φ = ${phi}, ${s}`, autoregressive(randomKey(11, k, s), HOURS, phi), 24, []),
    ),
    labelled: false,
    short: false,
  }));
}

function autoregressive(key: number, n: number, phi: number): Float64Array {
  let value = normalAt(key, 0);
  return Float64Array.from({ length: n }, (_, t) => {
    value = phi * value + Math.sqrt(1 - phi ** 2) * normalAt(key, t + 1);
    return value + Math.SQRT2 * Math.sin((2 * Math.PI * t) / 24);
  });
}

function normalAt(key: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(uniformAt(key, 2 * index)));
  return radius * Math.cos(2 * Math.PI * uniformAt(key, 2 * index + 1));
}

import { randomKey, uniformAt } from "../../../shared/forecasting/random.ts";
import type { Kind } from "./data.ts";
import { streamOf } from "./streams.ts";

const DAY = 24;
const STREAMS = 4;
/**
 * Hourly AR(1) of variance 1 with a daily season of the same variance, in which nothing changes: 200 days looked at
 * through windows of a day, and, where values hang together for much of a day or longer, 800 days through windows that
 * hold at least 18 autocorrelation times, (1 + φ) / (1 − φ) hours each.
 */
export function autoregressiveKinds(): Kind[] {
  const short = [0, 0.3, 0.6, 0.8, 0.95].map((phi, k) => kindOf(phi, k, { days: 200, recent: DAY }));
  const long = [0.6, 0.8, 0.95].map((phi, k) =>
    kindOf(phi, 10 + k, { days: 800, recent: (phi < 0.9 ? 14 : 30) * DAY }),
  );
  return [...short, ...long];
}

function kindOf(phi: number, k: number, { days, recent }: { days: number; recent: number }): Kind {
  const windows = recent === DAY ? "" : `, windows of ${recent / DAY} days`;
  return {
    title: `AR(1), φ = ${phi}, daily season${windows}`,
    streams: Array.from({ length: STREAMS }, (_, s) =>
      streamOf(`φ = ${phi}, ${s}`, autoregressive(randomKey(11, k, s), days * DAY, phi), DAY, [], recent),
    ),
    labelled: false,
    short: false,
  };
}

function autoregressive(key: number, n: number, phi: number): Float64Array {
  let value = normalAt(key, 0);
  return Float64Array.from({ length: n }, (_, t) => {
    value = phi * value + Math.sqrt(1 - phi ** 2) * normalAt(key, t + 1);
    return value + Math.SQRT2 * Math.sin((2 * Math.PI * t) / DAY);
  });
}

function normalAt(key: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(uniformAt(key, 2 * index)));
  return radius * Math.cos(2 * Math.PI * uniformAt(key, 2 * index + 1));
}

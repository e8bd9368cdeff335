/**
 * Random numbers from counters instead of a running state: the same arguments give the same number on every
 * machine, in any order, so that forecasts can be replayed and fewer samples are a prefix of more.
 */

/** Odd constant near 2^32 / golden ratio; spreads consecutive counters over the whole range. */
const GOLDEN = 0x9e3779b9;
const TWO_32 = 0x1_0000_0000;

/** Scrambles 32 bits: each input bit changes each output bit with a probability of about one half. */
function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return x ^ (x >>> 15);
}

/** One 32-bit key from a seed and counters, all integers in ±2^53; their order matters. */
export function randomKey(seed: number, ...counters: readonly number[]): number {
  let key = absorb(GOLDEN, seed);
  for (const counter of counters) key = absorb(key, counter);
  return key;
}

function absorb(key: number, counter: number): number {
  // Both halves count: seeds such as Date.now() differ above bit 32 too.
  const low = mix((key ^ counter) + GOLDEN);
  return mix((low ^ Math.floor(counter / TWO_32)) + GOLDEN);
}

/** The `index`-th number of the stream `key`, strictly inside (0, 1). */
export function uniformAt(key: number, index: number): number {
  return ((mix(mix(key + Math.imul(index, GOLDEN)) ^ key) >>> 0) + 0.5) / TWO_32;
}

/** A number strictly inside (0, 1) that depends on nothing but the seed and the counters (integers). */
export function uniform(seed: number, ...counters: readonly number[]): number {
  return uniformAt(randomKey(seed, ...counters.slice(0, -1)), counters.at(-1) ?? 0);
}

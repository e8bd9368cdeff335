import { randomKey } from "../../forecasting/random.ts";
import { permutation } from "../permutation.ts";
import { type Point, pointAt, type Space } from "../space.ts";
import { STREAMS } from "../streams.ts";
import type { Sampler } from "./sampler.ts";

/** Digits that are drawn; further ones would change a coordinate by less than 2^-32. */
const PRECISION = 2 ** -32;

/**
 * Points of a randomised Halton sequence: in dimension j the digits of the index in base p_j, mirrored at the point,
 * each digit place with its own permutation drawn by the seed. They cover the cube more evenly than independent draws.
 *
 * Source: A. B. Owen, "A randomized Halton algorithm in R", arXiv:1706.02808 (2017).
 */
export const haltonSampler: Sampler = ({ space, seed }) =>
  function* ({ index }): Iterable<Point> {
    if (index >= 0) yield haltonPoint(space, seed, index);
  };

export function haltonPoint(space: Space, seed: number, index: number): Point {
  const bases = firstPrimes(space.dimensions.length);
  return pointAt(
    space,
    bases.map((base) => scrambledInverse(index, base, seed)),
  );
}

function scrambledInverse(index: number, base: number, seed: number): number {
  let sum = 0;
  let rest = index;
  let weight = 1 / base;
  for (let place = 0; weight > PRECISION; place += 1, weight /= base) {
    sum += permutation(base, randomKey(seed, STREAMS.halton, base, place))[rest % base]! * weight;
    rest = Math.floor(rest / base);
  }
  return sum;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n += 1) if (primes.every((p) => n % p !== 0)) primes.push(n);
  return primes;
}

/** n draws of a linear congruential generator in [0, 1): the figures of SciPy, River and arch in the tests stand on them. */
export function uniforms(seed: number, n: number): number[] {
  let state = seed;
  return Array.from({ length: n }, () => {
    state = (1664525 * state + 1013904223) % 4294967296;
    return state / 4294967296;
  });
}

/** A stationary AR(1) series with noise of variance 1 (a sum of twelve draws less 6). */
export function autoregressive(seed: number, n: number, phi: number): number[] {
  const draws = uniforms(seed, 12 * (n + 50));
  let value = 0;
  const series = Array.from({ length: n + 50 }, (_, t) => {
    let noise = -6;
    for (let k = 0; k < 12; k += 1) noise += draws[12 * t + k]!;
    value = phi * value + noise;
    return value;
  });
  return series.slice(50);
}

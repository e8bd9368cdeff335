/** First counter of each use of random numbers, so that no two draw the same ones. */
export const STREAMS = { random: 1, halton: 2, tpe: 3, gp: 4, windows: 5, features: 6 } as const;

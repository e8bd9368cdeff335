/** Matérn kernel of smoothness 5/2 with a length scale for each dimension of a space. */
import { isOrdered, type Value } from "../dimension.ts";
import { type Point, placeOf, type Space } from "../space.ts";

/** Natural logarithms, so that a step means the same at every size. */
export interface LogParameters {
  /** [dimensions] length scales, in units of the cube */
  readonly lengths: Float64Array;
  /** s², variance of the objective */
  readonly variance: number;
  /** σ², variance of its noise */
  readonly noise: number;
}

const SQRT_5 = Math.sqrt(5);

/** s² (1 + √5 r + 5 r² / 3) exp(−√5 r) of the squared scaled distance r² = Σ_j d_j² / ℓ_j². */
export function matern52(variance: number, squared: number): number {
  const r = SQRT_5 * Math.sqrt(squared);
  return variance * (1 + r + (r * r) / 3) * Math.exp(-r);
}

interface Column {
  /** index of the dimension */
  readonly j: number;
  /** undefined: the place along the dimension */
  readonly choice: Value | undefined;
}

/** How points become vectors whose distances mean something. */
export interface Features {
  /** [columns] */
  readonly of: (point: Point) => Float64Array;
  /** [columns]: the dimension that each belongs to, whose length scale it has */
  readonly dimensions: readonly number[];
}

/**
 * One column for an ordered dimension, its place in the unit interval, the middle where the point does not have it. One
 * for each value of any other choice, 1 where the point has that value ("one-hot").
 */
export function featuresOf(space: Space): Features {
  const columns = space.dimensions.flatMap((dimension, j): Column[] =>
    dimension.kind === "choice" && !isOrdered(dimension)
      ? dimension.choices.map((choice) => ({ j, choice }))
      : [{ j, choice: undefined }],
  );
  return {
    dimensions: columns.map(({ j }) => j),
    of: (point) => {
      const place = placeOf(space, point);
      return Float64Array.from(columns, ({ j, choice }) => {
        if (choice !== undefined) return point[space.dimensions[j]!.name] === choice ? 1 : 0;
        return Number.isNaN(place[j]) ? 0.5 : place[j]!;
      });
    },
  };
}

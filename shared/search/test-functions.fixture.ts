import type { Dimension } from "./dimension.ts";
import { defineSpace, type Point, type Space } from "./space.ts";

/** A function whose least value is known. */
export interface Problem {
  readonly name: string;
  readonly space: Space;
  readonly minimum: number;
  readonly value: (point: Point) => number;
}

/** Coordinates in the order of the dimensions. */
function problem(
  name: string,
  dimensions: readonly Dimension[],
  minimum: number,
  f: (...x: readonly number[]) => number,
): Problem {
  const value = (point: Point) => f(...dimensions.map((each) => point[each.name] as number));
  return { name, space: defineSpace(dimensions), minimum, value };
}

const axes = (count: number, min: number, max: number) =>
  Array.from({ length: count }, (_, i): Dimension => ({ name: `x${i}`, kind: "float", min, max }));

const HARTMANN_WEIGHTS = [1, 1.2, 3, 3.2];

function hartmann(
  a: readonly (readonly number[])[],
  p: readonly (readonly number[])[],
  x: readonly number[],
) {
  return -HARTMANN_WEIGHTS.reduce((sum, weight, i) => {
    const inner = x.reduce((all, xj, j) => all + a[i]![j]! * (xj - p[i]![j]! * 1e-4) ** 2, 0);
    return sum + weight * Math.exp(-inner);
  }, 0);
}

/** L. C. W. Dixon and G. P. Szegő, "Towards Global Optimisation 2" (1978). */
export const hartmann3 = problem("Hartmann, 3 dimensions", axes(3, 0, 1), -3.862782, (...x) =>
  hartmann(
    [
      [3, 10, 30],
      [0.1, 10, 35],
      [3, 10, 30],
      [0.1, 10, 35],
    ],
    [
      [3689, 1170, 2673],
      [4699, 4387, 7470],
      [1091, 8732, 5547],
      [381, 5743, 8828],
    ],
    x,
  ),
);

export const hartmann6 = problem("Hartmann, 6 dimensions", axes(6, 0, 1), -3.322368, (...x) =>
  hartmann(
    [
      [10, 3, 17, 3.5, 1.7, 8],
      [0.05, 10, 17, 0.1, 8, 14],
      [3, 3.5, 1.7, 10, 17, 8],
      [17, 8, 0.05, 10, 0.1, 14],
    ],
    [
      [1312, 1696, 5569, 124, 8283, 5886],
      [2329, 4135, 8307, 3736, 1004, 9991],
      [2348, 1451, 3522, 2883, 3047, 6650],
      [4047, 8828, 8732, 5743, 1091, 381],
    ],
    x,
  ),
);

/** log(1 + Rosenbrock's function): a bent valley, flat along its floor. */
export const logRosenbrock4 = problem("log Rosenbrock, 4 dimensions", axes(4, -2, 2), 0, (...x) =>
  Math.log1p(x.slice(1).reduce((sum, next, i) => sum + 100 * (next - x[i]! ** 2) ** 2 + (1 - x[i]!) ** 2, 0)),
);

/** A bowl over integers whose axes matter less and less. */
export const stepBowl5 = problem(
  "bowl of steps, 5 integers",
  Array.from({ length: 5 }, (_, i): Dimension => ({ name: `k${i}`, kind: "integer", min: 0, max: 20 })),
  0,
  (...k) => k.reduce((sum, kj, j) => sum + ((kj - [13, 4, 9, 16, 7][j]!) / 20) ** 2 / (j + 1), 0),
);

/**
 * Shaped like tuning a small model: a learning rate and a penalty on logarithmic scales, a depth that must suit the rate,
 * and one of three losses of which one is off.
 */
export const tuningLike4 = {
  name: "like tuning, 2 log, 1 integer, 1 choice",
  space: defineSpace([
    { name: "rate", kind: "float", min: 1e-4, max: 1, log: true },
    { name: "penalty", kind: "float", min: 1e-6, max: 10, log: true },
    { name: "depth", kind: "integer", min: 1, max: 12 },
    { name: "loss", kind: "choice", choices: ["l1", "l2", "huber"] },
  ]),
  minimum: 0,
  value: ({ rate, penalty, depth, loss }: Point) => {
    const [r, p, k] = [Math.log10(rate as number), Math.log10(penalty as number), depth as number];
    const bowl = 0.08 * (r + 1.7 + 0.08 * (k - 6)) ** 2 + 0.01 * (p + 2) ** 2 + 0.006 * (k - 6) ** 2;
    return 1 - Math.exp(-bowl) + { l1: 0.05, l2: 0.12, huber: 0 }[loss as "l1" | "l2" | "huber"];
  },
} satisfies Problem;

export const PROBLEMS: readonly Problem[] = [hartmann3, hartmann6, logRosenbrock4, stepBowl5, tuningLike4];

/**
 * What a search may vary, as points and as places in the unit cube, which has one coordinate for each dimension, so that
 * samplers need to know nothing of scales, steps and conditions.
 */
import { InvalidInputError } from "../errors.ts";
import {
  checkDimension,
  type Dimension,
  defaultValue,
  hasValue,
  isOrdered,
  nearestValue,
  nthValue,
  unitOf,
  type Value,
  valueAt,
  valueCount,
} from "./dimension.ts";

/** One configuration: a value for every dimension that exists in it. */
export type Point = Readonly<Record<string, Value>>;

export interface Space {
  /** those that others depend on come first; numeric choices ascend */
  readonly dimensions: readonly Dimension[];
}

/**
 * A checked space. Choices named twice count once.
 *
 * @throws {InvalidInputError} for no dimensions, two of one name, limits, steps or defaults that make no sense, and
 *   conditions on a dimension or a value that does not exist, on a range, or in a circle
 */
export function defineSpace(dimensions: readonly Dimension[]): Space {
  if (dimensions.length === 0) throw new InvalidInputError("search space: it has no dimensions");
  const byName = new Map<string, Dimension>();
  for (const dimension of dimensions) {
    checkDimension(dimension);
    if (byName.has(dimension.name))
      throw new InvalidInputError(`search space, '${dimension.name}': the name is used twice`);
    byName.set(dimension.name, tidy(dimension));
  }
  for (const dimension of byName.values()) checkCondition(dimension, byName);
  return { dimensions: parentsFirst([...byName.values()]) };
}

function tidy(dimension: Dimension): Dimension {
  if (dimension.kind !== "choice") return dimension;
  const choices = [...new Set(dimension.choices)];
  return isOrdered(dimension)
    ? { ...dimension, choices: (choices as number[]).sort((a, b) => a - b) }
    : { ...dimension, choices };
}

function checkCondition({ name, when = {} }: Dimension, byName: ReadonlyMap<string, Dimension>): void {
  for (const [parentName, values] of Object.entries(when)) {
    const parent = byName.get(parentName);
    const problem =
      parent === undefined
        ? `there is no dimension '${parentName}'`
        : parent.kind !== "choice"
          ? `'${parentName}' is a range, expected a dimension with choices`
          : values.length === 0
            ? `it names no value of '${parentName}'`
            : undefined;
    if (problem !== undefined) throw new InvalidInputError(`search space, '${name}': when: ${problem}`);
    const stranger = values.find((value) => !hasValue(parent!, value));
    if (stranger !== undefined)
      throw new InvalidInputError(
        `search space, '${name}': when: ${JSON.stringify(stranger)} is no choice of '${parentName}'`,
      );
  }
}

function parentsFirst(dimensions: readonly Dimension[]): Dimension[] {
  const ordered: Dimension[] = [];
  const placed = new Set<string>();
  while (ordered.length < dimensions.length) {
    const next = dimensions.find(
      ({ name, when = {} }) => !placed.has(name) && Object.keys(when).every((parent) => placed.has(parent)),
    );
    if (next === undefined) {
      const circle = dimensions.filter(({ name }) => !placed.has(name)).map(({ name }) => `'${name}'`);
      throw new InvalidInputError(`search space: ${circle.join(", ")} depend on each other in a circle`);
    }
    ordered.push(next);
    placed.add(next.name);
  }
  return ordered;
}

/** Whether a dimension exists beside the values that were chosen for those before it. */
export function isActive({ when }: Dimension, chosen: Point): boolean {
  if (when === undefined) return true;
  return Object.entries(when).every(([parent, values]) => {
    const value = chosen[parent];
    return value !== undefined && values.includes(value);
  });
}

/** The point that `choose` makes, asked for each dimension that exists, parents first. */
export function buildPoint(space: Space, choose: (dimension: Dimension, index: number) => Value): Point {
  const point: Record<string, Value> = {};
  space.dimensions.forEach((dimension, i) => {
    if (isActive(dimension, point)) point[dimension.name] = choose(dimension, i);
  });
  return point;
}

/** The point at a place in the unit cube; coordinates of dimensions that do not exist there are ignored. */
export function pointAt(space: Space, unit: ArrayLike<number>): Point {
  return buildPoint(space, (dimension, i) => valueAt(dimension, unit[i]!));
}

/** The place of a point of this space in the unit cube, a value's cell by its middle; NaN where it has no value. */
export function placeOf(space: Space, point: Point): Float64Array {
  return Float64Array.from(space.dimensions, (dimension) => {
    const value = point[dimension.name];
    return value === undefined ? Number.NaN : unitOf(dimension, value);
  });
}

/** The defaults of all dimensions. */
export function defaultPoint(space: Space): Point {
  return buildPoint(space, defaultValue);
}

/**
 * The nearest point of the space: what is missing or cannot be compared gets its default, the rest is moved inside, and
 * what the space does not vary is dropped. A point of the space stays as it is.
 */
export function nearestPoint(space: Space, values: Readonly<Record<string, unknown>>): Point {
  return buildPoint(space, (dimension) => nearestValue(dimension, values[dimension.name]));
}

/** Whether the point has a valid value for each dimension that exists in it, and nothing else. */
export function hasPoint(space: Space, point: Point): boolean {
  const active = space.dimensions.filter((dimension) => isActive(dimension, point));
  return (
    Object.keys(point).length === active.length &&
    active.every((dimension) => hasValue(dimension, point[dimension.name]))
  );
}

/** Equal for equal points, in whatever order their values were written. */
export function pointKey(point: Point): string {
  return JSON.stringify(Object.entries(point).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** How many points there are; infinite with a float that has no step. Conditions count. */
export function pointCount(space: Space): number {
  const parents = new Set(space.dimensions.flatMap(({ when = {} }) => Object.keys(when)));
  const count = (i: number, chosen: Point): number => {
    const dimension = space.dimensions[i];
    if (dimension === undefined) return 1;
    if (!isActive(dimension, chosen)) return count(i + 1, chosen);
    if (!parents.has(dimension.name)) return valueCount(dimension) * count(i + 1, chosen);
    let sum = 0;
    for (let k = 0; k < valueCount(dimension); k += 1)
      sum += count(i + 1, { ...chosen, [dimension.name]: nthValue(dimension, k) });
    return sum;
  };
  return count(0, {});
}

/**
 * Every point, the last dimension fastest.
 *
 * @throws {InvalidInputError} with a float that has no step
 */
export function* allPoints(space: Space): Generator<Point, void> {
  const endless = space.dimensions.find((dimension) => !Number.isFinite(valueCount(dimension)));
  if (endless !== undefined)
    throw new InvalidInputError(
      `search space, '${endless.name}': a grid needs choices or a step, expected one of them for a float`,
    );
  const from = function* (i: number, chosen: Point): Generator<Point, void> {
    const dimension = space.dimensions[i];
    if (dimension === undefined) yield chosen;
    else if (!isActive(dimension, chosen)) yield* from(i + 1, chosen);
    else
      for (let k = 0; k < valueCount(dimension); k += 1)
        yield* from(i + 1, { ...chosen, [dimension.name]: nthValue(dimension, k) });
  };
  yield* from(0, {});
}

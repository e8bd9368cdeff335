import { InvalidInputError } from "../errors.ts";

export type Value = string | number | boolean;

/** Values that other dimensions must have for this one to exist: `{ model: ["gbdt"] }`. All of them must hold. */
export type Condition = Readonly<Record<string, readonly Value[]>>;

interface Named {
  readonly name: string;
  /** absent: always there */
  readonly when?: Condition;
}

/**
 * One of a few values. Numbers are an ordered scale, whatever their spacing; of anything else no value lies between two
 * others.
 */
export interface ChoiceDimension extends Named {
  readonly kind: "choice";
  readonly choices: readonly Value[];
  readonly default?: Value;
}

/** Numbers from `min` to `max`, both included. */
export interface RangeDimension extends Named {
  readonly kind: "float" | "integer";
  readonly min: number;
  readonly max: number;
  /** equal ratios are equal steps; needs min > 0 and no `step` */
  readonly log?: boolean;
  /** only min, min + step, min + 2 step …; for integers absent is 1 */
  readonly step?: number;
  readonly default?: number;
}

/** One thing a search may vary. */
export type Dimension = ChoiceDimension | RangeDimension;

/** Whether values have an order, so that near values may be expected to do alike. */
export function isOrdered(dimension: Dimension): boolean {
  return dimension.kind !== "choice" || dimension.choices.every((each) => typeof each === "number");
}

/** How many values there are; infinite for a float without a step. */
export function valueCount(dimension: Dimension): number {
  if (dimension.kind === "choice") return dimension.choices.length;
  const { kind, min, max, step = kind === "integer" ? 1 : undefined } = dimension;
  if (step === undefined) return min === max ? 1 : Number.POSITIVE_INFINITY;
  // A range of 0.1 … 0.7 in steps of 0.2 has four values, though 0.6 / 0.2 is less than 3 by the last bit.
  return Math.floor((max - min) / step + 1e-9) + 1;
}

/** The `index`-th value of a dimension that has finitely many. */
export function nthValue(dimension: Dimension, index: number): Value {
  if (dimension.kind === "choice") return dimension.choices[index]!;
  const { min, step = 1 } = dimension;
  // 0.1 + 2 × 0.1 is 0.3, for keys and for people.
  return index === 0 ? min : Number((min + index * step).toPrecision(12));
}

/** Index of the value, which must lie in the dimension, among finitely many. */
function indexOf(dimension: Dimension, value: Value): number {
  if (dimension.kind === "choice") return dimension.choices.indexOf(value);
  return Math.round(((value as number) - dimension.min) / (dimension.step ?? 1));
}

/**
 * The value at a place in the unit interval. Each of finitely many values has a cell of equal width; an integer on a
 * logarithmic scale has the cell from half a unit below to half a unit above it.
 *
 * @param unit in 0 … 1; both ends are taken
 */
export function valueAt(dimension: Dimension, unit: number): Value {
  if (dimension.kind !== "choice" && dimension.log === true) {
    const { kind, min, max } = dimension;
    if (kind === "float") return clamp(min * (max / min) ** unit, min, max);
    return clamp(Math.round((min - 0.5) * ((max + 0.5) / (min - 0.5)) ** unit), min, max);
  }
  const count = valueCount(dimension);
  if (Number.isFinite(count)) return nthValue(dimension, Math.min(Math.floor(unit * count), count - 1));
  const { min, max } = dimension as RangeDimension;
  return clamp(min + unit * (max - min), min, max);
}

/** The place of a value, which must lie in the dimension: `valueAt` gives it back from there. The middle of its cell. */
export function unitOf(dimension: Dimension, value: Value): number {
  if (dimension.kind !== "choice" && dimension.log === true) {
    const margin = dimension.kind === "integer" ? 0.5 : 0;
    const [low, high] = [Math.log(dimension.min - margin), Math.log(dimension.max + margin)];
    return high === low ? 0.5 : clamp((Math.log(value as number) - low) / (high - low), 0, 1);
  }
  const count = valueCount(dimension);
  if (Number.isFinite(count)) return (indexOf(dimension, value) + 0.5) / count;
  const { min, max } = dimension as RangeDimension;
  return ((value as number) - min) / (max - min);
}

/** Whether the value is one of the dimension's. */
export function hasValue(dimension: Dimension, value: unknown): value is Value {
  if (dimension.kind === "choice") return dimension.choices.includes(value as Value);
  const { kind, min, max, step } = dimension;
  if (typeof value !== "number" || !(value >= min && value <= max)) return false;
  if (kind === "integer" && !Number.isInteger(value)) return false;
  if (step === undefined) return true;
  const steps = (value - min) / step;
  return Math.abs(steps - Math.round(steps)) < 1e-6;
}

/** The dimension's value nearest to the given one; its default for one that cannot be compared with it. */
export function nearestValue(dimension: Dimension, value: unknown): Value {
  if (hasValue(dimension, value)) return value;
  if (typeof value !== "number" || Number.isNaN(value) || !isOrdered(dimension))
    return defaultValue(dimension);
  if (dimension.kind === "choice") {
    const distance = (each: Value) => Math.abs((each as number) - value);
    return dimension.choices.reduce((best, each) => (distance(each) < distance(best) ? each : best));
  }
  const { min, max } = dimension;
  const inside = clamp(value, min, max);
  if (dimension.kind === "float" && dimension.step === undefined) return inside;
  return nthValue(dimension, Math.min(indexOf(dimension, inside), valueCount(dimension) - 1));
}

/** The declared default, else the middle of an ordered dimension and the first of other choices. */
export function defaultValue(dimension: Dimension): Value {
  return dimension.default ?? valueAt(dimension, isOrdered(dimension) ? 0.5 : 0);
}

/** @throws {InvalidInputError} naming the dimension, the field, the value and what is expected */
export function checkDimension(dimension: Dimension): void {
  const { name } = dimension;
  const refuse = (problem: string): never => {
    throw new InvalidInputError(`search space, '${name}': ${problem}`);
  };
  if (name === "") throw new InvalidInputError("search space: a dimension has an empty name");
  if (dimension.kind === "choice") {
    const { choices } = dimension;
    if (choices.length === 0) refuse("choices is empty, expected at least one value");
    const odd = choices.find((each) => typeof each === "number" && !Number.isFinite(each));
    if (odd !== undefined) refuse(`choices holds ${odd}, expected finite numbers`);
  } else {
    const { kind, min, max, log, step } = dimension;
    for (const [field, value] of Object.entries({ min, max }))
      if (!Number.isFinite(value) || (kind === "integer" && !Number.isInteger(value)))
        refuse(`${field} is ${value}, expected a finite ${kind === "integer" ? "integer" : "number"}`);
    if (min > max) refuse(`min is ${min}, expected at most max, which is ${max}`);
    if (log === true && min <= 0) refuse(`min is ${min}, expected more than 0 on a logarithmic scale`);
    if (log === true && step !== undefined)
      refuse(`step is ${step}, expected none on a logarithmic scale: name choices instead`);
    if (
      step !== undefined &&
      !(step > 0 && Number.isFinite(step) && (kind === "float" || Number.isInteger(step)))
    )
      refuse(`step is ${step}, expected a positive ${kind === "integer" ? "integer" : "number"}`);
  }
  if (dimension.default !== undefined && !hasValue(dimension, dimension.default))
    refuse(`default is ${JSON.stringify(dimension.default)}, which is not in the dimension`);
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

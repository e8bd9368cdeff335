import { type Dimension, isOrdered, type Value, valueAt } from "./dimension.ts";
import { restrict, withoutChoice } from "./restrict.ts";
import { hasPoint, type Point, pointCount, type Space } from "./space.ts";

/** What there is to search with. */
export interface Resources {
  /** trials that run at the same time */
  readonly cores: number;
  /** for each of them */
  readonly memoryMb: number;
  readonly timeLimitMs: number;
  /** how many will be tried; "all": every point of the space */
  readonly trials: number | "all";
}

/** What a trial took, in an earlier search or when a worker probed for it. */
export interface TrialCost {
  readonly point: Point;
  readonly durationMs: number;
  /** infinite where it ran out; null where it was not measured */
  readonly memoryMb: number | null;
}

export interface Adapted {
  readonly space: Space;
  /** what was cut and why, one sentence each, for people */
  readonly notes: readonly string[];
}

/** A cut that saves less of the time is none. */
const LEAST_SAVING = 0.02;

/**
 * A space that fits the machine, by what trials of it took before; as it is where nothing was measured. (A-OPT-8)
 *
 *     memory   a choice of which even the smallest trial took more than there is goes; of a range, or of numbers, what
 *              lies above the largest value that fitted, where a larger one did not
 *     time     while (trials · mean duration / cores) is beyond the limit: the cut that leaves the shortest trials, of
 *              an unordered choice, the largest of some numbers, or the upper half of a range
 *
 * No dimension loses its last value. Values nobody has measured stay.
 *
 * @param costs measured on this machine; those of points outside the space are left out of account
 */
export function adaptSpace(space: Space, resources: Resources, costs: readonly TrialCost[]): Adapted {
  const { space: fitting, notes } = fitMemory(space, resources.memoryMb, costs);
  return fitTime(fitting, resources, costs, notes);
}

function fitMemory(space: Space, limitMb: number, costs: readonly TrialCost[]): Adapted {
  const notes: string[] = [];
  let fitting = space;
  for (const { name } of space.dimensions) {
    const dimension = fitting.dimensions.find((each) => each.name === name);
    if (dimension === undefined) continue;
    const least = leastMemory(name, inside(fitting, costs));
    const tooMuch = [...least].filter(([, memory]) => memory > limitMb);
    const fitted = [...least].filter(([, memory]) => memory <= limitMb);
    const narrower = isOrdered(dimension)
      ? upTo(dimension, largestBelow(fitted, tooMuch))
      : tooMuch.reduce((each, [value]) => withoutChoice(each, value) ?? each, dimension);
    if (narrower === dimension) continue;
    const wanted = Math.min(...tooMuch.map(([, memory]) => memory));
    const took = Number.isFinite(wanted) ? `took ${wanted.toFixed(0)} MB and more` : "ran out of memory";
    notes.push(`${difference(dimension, narrower)}: such trials ${took}, and a worker has ${limitMb} MB`);
    fitting = restrict(fitting, narrower);
  }
  return { space: fitting, notes };
}

/** By value of the dimension: what the smallest trial with it took. */
function leastMemory(name: string, costs: readonly TrialCost[]): Map<Value, number> {
  const least = new Map<Value, number>();
  for (const { point, memoryMb } of costs) {
    const value = point[name];
    if (value === undefined || memoryMb === null) continue;
    least.set(value, Math.min(memoryMb, least.get(value) ?? Number.POSITIVE_INFINITY));
  }
  return least;
}

/** The largest number that fitted, below all that did not; undefined where none is too large. */
function largestBelow(fitted: readonly [Value, number][], tooMuch: readonly [Value, number][]) {
  const limit = Math.min(...tooMuch.map(([value]) => value as number));
  const below = fitted.map(([value]) => value as number).filter((value) => value < limit);
  return tooMuch.length === 0 || below.length === 0 ? undefined : Math.max(...below);
}

function fitTime(
  space: Space,
  resources: Resources,
  costs: readonly TrialCost[],
  before: readonly string[],
): Adapted {
  const { cores, timeLimitMs } = resources;
  const notes = [...before];
  let fitting = space;
  for (;;) {
    const expected = expectedTime(fitting, resources, costs);
    if (expected === undefined || expected <= timeLimitMs) return { space: fitting, notes };
    const reason = `on ${cores} ${cores === 1 ? "core" : "cores"} the search would take ${duration(expected)}, and has ${duration(timeLimitMs)}`;
    const cuts = fitting.dimensions.flatMap((dimension) =>
      cutsOf(dimension).flatMap((narrower) => {
        const smaller = restrict(fitting, narrower);
        const time = expectedTime(smaller, resources, costs);
        return time === undefined ? [] : [{ dimension, narrower, smaller, time }];
      }),
    );
    const [first, ...others] = cuts;
    const best = others.reduce((least, each) => (each.time < least!.time ? each : least), first);
    if (best === undefined || best.time > expected * (1 - LEAST_SAVING)) {
      notes.push(`nothing more is cut, though ${reason}`);
      return { space: fitting, notes };
    }
    notes.push(`${difference(best.dimension, best.narrower)}: ${reason}; without it ${duration(best.time)}`);
    fitting = best.smaller;
  }
}

/** In ms; undefined where no trial of the space was measured. */
function expectedTime(space: Space, { cores, trials }: Resources, costs: readonly TrialCost[]) {
  const known = inside(space, costs);
  if (known.length === 0) return undefined;
  const mean = known.reduce((sum, { durationMs }) => sum + durationMs, 0) / known.length;
  const count = Math.min(trials === "all" ? Number.POSITIVE_INFINITY : trials, pointCount(space));
  return (count * mean) / cores;
}

function inside(space: Space, costs: readonly TrialCost[]): TrialCost[] {
  return costs.filter(({ point }) => hasPoint(space, point));
}

function cutsOf(dimension: Dimension): Dimension[] {
  if (!isOrdered(dimension))
    return dimension.kind === "choice"
      ? dimension.choices.flatMap((choice) => withoutChoice(dimension, choice) ?? [])
      : [];
  if (dimension.kind === "choice") return [withoutChoice(dimension, dimension.choices.at(-1)!) ?? []].flat();
  const narrower = upTo(dimension, valueAt(dimension, 0.5) as number);
  return narrower === dimension ? [] : [narrower];
}

/** An ordered dimension without what lies above; itself where nothing does. */
function upTo(dimension: Dimension, largest: number | undefined): Dimension {
  if (largest === undefined) return dimension;
  if (dimension.kind !== "choice")
    return largest < dimension.max && largest >= dimension.min ? { ...dimension, max: largest } : dimension;
  const choices = dimension.choices.filter((each) => (each as number) <= largest);
  return choices.length === dimension.choices.length ? dimension : { ...dimension, choices };
}

function difference(dimension: Dimension, narrower: Dimension): string {
  if (dimension.kind !== "choice" || narrower.kind !== "choice")
    return `'${dimension.name}' ends at ${(narrower as { max: number }).max}`;
  const gone = dimension.choices.filter((each) => !narrower.choices.includes(each));
  return `'${dimension.name}' goes without ${gone.map((each) => JSON.stringify(each)).join(", ")}`;
}

function duration(ms: number): string {
  if (ms < 1_000) return `${ms.toFixed(0)} ms`;
  return ms < 120_000
    ? `${Number((ms / 1_000).toPrecision(3))} s`
    : `${Number((ms / 60_000).toPrecision(3))} min`;
}

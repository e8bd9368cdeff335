import type { Hyperparameters, ModelParams } from "../contracts/live-config.ts";
import type { SearchSpace } from "../contracts/spec.ts";
import { DEFAULT_SPACE } from "../contracts/spec-search.ts";
import { InvalidInputError } from "../errors.ts";
import type { Dimension, Value } from "../search/dimension.ts";
import { defineSpace, type Point, type Space } from "../search/space.ts";
import type { FamilyName } from "./families.ts";
import type { CommonParameter, ModelFamily, ModelParameter } from "./family.ts";

/** The part of a family that a space is made from. */
export type SearchedFamily = Pick<ModelFamily, "name" | "heeds" | "parameters">;

/** What a search varies, and what all its trials have in common. */
export interface FamilySpace {
  readonly space: Space;
  /** of trials whose point names none */
  readonly model: FamilyName;
  /** of trials whose point has no such value: their family ignores it, or there is no choice */
  readonly fixed: Pick<Hyperparameters, CommonParameter>;
}

/** One configuration of a space. */
export interface SearchedConfig {
  readonly model: FamilyName;
  readonly params: Hyperparameters;
}

const COMMON = ["context_length", "num_samples", "temperature"] as const satisfies CommonParameter[];
/** For families that ignore a parameter and specs that do not name it. */
const IGNORED: FamilySpace["fixed"] = { context_length: 365, num_samples: 100, temperature: 1 };
const PREFIX = "model_params.";

type Numbers = NonNullable<SearchSpace[CommonParameter]>;

/**
 * The space that a spec describes for some families. A dimension that only some of them have exists where one of these
 * is chosen; one that none has is refused, so that no search turns a knob nobody looks at. Names are those of the spec:
 * `temperature`, `model_params.depth`.
 *
 * @param families not empty, those that the search may choose among; the first is tried first
 * @throws {InvalidInputError} naming the field, for a parameter that none of the families has or heeds, values outside
 *   what a family takes, and as `defineSpace`
 */
export function searchSpace(spec: SearchSpace, families: readonly SearchedFamily[]): FamilySpace {
  const dimensions: Dimension[] = [];
  const fixed: Record<CommonParameter, number> = { ...IGNORED };
  if (families.length > 1) {
    const choices = families.map(({ name }) => name);
    dimensions.push({ name: "model", kind: "choice", choices, default: choices[0]! });
  }
  for (const name of COMMON) {
    const heeding = families.filter(({ heeds }) => heeds.includes(name));
    const numbers = heeding.length === 0 ? spec[name] : (spec[name] ?? DEFAULT_SPACE[name]);
    if (numbers === undefined) continue;
    const only = theOnly(numbers);
    if (only !== undefined) fixed[name] = only;
    else if (heeding.length === 0) throw ignored(`search.space.${name}`, families);
    if (heeding.length > 0)
      dimensions.push({
        ...dimensionOf(name, numbers, name === "temperature" ? "float" : "integer"),
        ...onlyFor(heeding, families),
      });
  }
  for (const [name, values] of Object.entries(spec.model_params ?? {})) {
    const field = `search.space.model_params.${name}`;
    const having = families.filter(({ parameters }) => parameters.some((each) => each.name === name));
    if (having.length === 0) throw ignored(field, families);
    for (const family of having) checkValues(field, values, family.name, declaredBy(family, name));
    dimensions.push({
      ...parameterDimension(`${PREFIX}${name}`, values, declaredBy(having[0]!, name)),
      ...onlyFor(having, families),
    });
  }
  return { space: defineSpace(dimensions), model: families[0]!.name as FamilyName, fixed };
}

/** The configuration that a point of the space stands for. */
export function configAt({ model, fixed }: Omit<FamilySpace, "space">, point: Point): SearchedConfig {
  const own = Object.entries(point).filter(([name]) => name.startsWith(PREFIX));
  const model_params = Object.fromEntries(own.map(([name, value]) => [name.slice(PREFIX.length), value]));
  const common = COMMON.map((name) => [name, point[name] ?? fixed[name]]);
  return {
    model: (point.model ?? model) as FamilyName,
    params: {
      ...(Object.fromEntries(common) as FamilySpace["fixed"]),
      ...(own.length === 0 ? {} : { model_params: model_params as ModelParams }),
    },
  };
}

/** Values by dimension, to be moved into a space: those of a live config. */
export function valuesOf({ model, params }: { readonly model: string; readonly params: Hyperparameters }) {
  const { context_length, num_samples, temperature, model_params = {} } = params;
  const own = Object.entries(model_params).map(([name, value]) => [`${PREFIX}${name}`, value]);
  return {
    model,
    context_length,
    num_samples,
    temperature,
    ...(Object.fromEntries(own) as Record<string, Value>),
  };
}

/** The smaller half, rounded up, of the context lengths and of the sample counts: what costs time and memory. */
export function cheaperHalf({ dimensions }: Space): Space {
  return { dimensions: dimensions.map(lowerHalf) };
}

function lowerHalf(dimension: Dimension): Dimension {
  if (dimension.name !== "context_length" && dimension.name !== "num_samples") return dimension;
  const { default: _, ...rest } = dimension;
  if (rest.kind === "choice") {
    const ascending = [...rest.choices].sort((a, b) => Number(a) - Number(b));
    return { ...rest, choices: ascending.slice(0, Math.ceil(ascending.length / 2)) };
  }
  const { min, max, log } = rest;
  return { ...rest, max: Math.max(min, Math.floor(log === true ? Math.sqrt(min * max) : (min + max) / 2)) };
}

function theOnly(numbers: Numbers): number | undefined {
  if (!Array.isArray(numbers)) return numbers.min === numbers.max ? numbers.min : undefined;
  return new Set(numbers).size === 1 ? numbers[0] : undefined;
}

function dimensionOf(name: string, numbers: Numbers, kind: "float" | "integer"): Dimension {
  return Array.isArray(numbers) ? { name, kind: "choice", choices: numbers } : { name, kind, ...numbers };
}

type ParamValues = NonNullable<SearchSpace["model_params"]>[string];

function parameterDimension(name: string, values: ParamValues, declared: ModelParameter): Dimension {
  if (Array.isArray(values)) {
    const given = values.includes(declared.default) ? { default: declared.default } : {};
    return { name, kind: "choice", choices: values, ...given };
  }
  const { min, max, step, log } = values;
  if (declared.kind === "choice") throw new Error("a choice has no range"); // as checkValues has seen to
  const isLog = log ?? (declared.log === true && step === undefined && min > 0);
  const inside = step === undefined && declared.default >= min && declared.default <= max;
  return {
    ...{ name, kind: declared.kind, min, max, log: isLog },
    ...(step === undefined ? {} : { step }),
    ...(inside ? { default: declared.default } : {}),
  };
}

function onlyFor(having: readonly SearchedFamily[], all: readonly SearchedFamily[]) {
  return having.length === all.length ? {} : { when: { model: having.map(({ name }) => name) } };
}

function declaredBy(family: SearchedFamily, name: string): ModelParameter {
  return family.parameters.find((each) => each.name === name)!;
}

function checkValues(field: string, values: ParamValues, family: string, declared: ModelParameter): void {
  const refuse = (value: unknown, expected: string) =>
    new InvalidInputError(`${field}: ${JSON.stringify(value)}, expected ${expected} for family '${family}'`);
  if (declared.kind === "choice") {
    if (declared.choices.length === 0)
      throw new InvalidInputError(
        `${field}: ${JSON.stringify(values)}, but this machine has none to choose from (${declared.description})`,
      );
    const expected = `some of ${declared.choices.map((each) => JSON.stringify(each)).join(", ")}`;
    if (!Array.isArray(values)) throw refuse(values, expected);
    const odd = values.find((value) => !declared.choices.includes(value));
    if (odd !== undefined) throw refuse(odd, expected);
    return;
  }
  const { kind, min, max } = declared;
  const expected = `${kind === "integer" ? "integers" : "numbers"} from ${min} to ${max}`;
  for (const value of Array.isArray(values) ? values : [values.min, values.max]) {
    const fits = typeof value === "number" && value >= min && value <= max;
    if (!fits || (kind === "integer" && !Number.isInteger(value))) throw refuse(value, expected);
  }
}

function ignored(field: string, families: readonly SearchedFamily[]): InvalidInputError {
  const names = families.map(({ name }) => `'${name}'`).join(", ");
  const known = [
    ...new Set(
      families.flatMap((each) => [...each.heeds, ...each.parameters.map(({ name }) => `${PREFIX}${name}`)]),
    ),
  ];
  return new InvalidInputError(
    `${field} has no effect on ${families.length === 1 ? "family" : "families"} ${names}: leave it out; ${known.length === 0 ? "there is nothing to search" : `what can be searched is ${known.join(", ")}`}`,
  );
}

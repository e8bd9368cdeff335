import { type Dimension, hasValue, type Value } from "./dimension.ts";
import { defineSpace, type Space } from "./space.ts";

/**
 * The space with one dimension narrowed. Dimensions that exist for values which are gone only go with them, and a
 * default that is gone is forgotten.
 *
 * @param narrower of the same name, with some of its values, at least one
 */
export function restrict({ dimensions }: Space, narrower: Dimension): Space {
  const gone = new Set<string>();
  const left: Dimension[] = [];
  for (const dimension of dimensions) {
    const when = dimension.when?.[narrower.name]?.filter((value) => hasValue(narrower, value));
    const parents = Object.keys(dimension.when ?? {});
    if (when?.length === 0 || parents.some((parent) => gone.has(parent))) gone.add(dimension.name);
    else if (dimension.name === narrower.name) left.push(withoutLostDefault(narrower));
    else if (when === undefined) left.push(dimension);
    else left.push({ ...dimension, when: { ...dimension.when, [narrower.name]: when } });
  }
  return defineSpace(left);
}

/** The dimension without one of its choices, or none where it is the last. */
export function withoutChoice(dimension: Dimension, choice: Value): Dimension | undefined {
  if (dimension.kind !== "choice" || dimension.choices.length < 2) return undefined;
  return { ...dimension, choices: dimension.choices.filter((each) => each !== choice) };
}

function withoutLostDefault(dimension: Dimension): Dimension {
  if (dimension.default === undefined || hasValue(dimension, dimension.default)) return dimension;
  const { default: _, ...rest } = dimension;
  return rest;
}

import type { ForecasterSpec } from "../contracts/spec.ts";

/** It heeds all that every live config has, and has no parameters of its own. */
const PLAIN = "chronos-bolt";

/**
 * Refuses a spec whose search turns knobs that its families do not have, or gives them values that they do not take.
 * What that takes is loaded only where there is something to check.
 *
 * @throws {InvalidInputError} as `planSearch`
 */
export async function checkSearch({ model, search }: ForecasterSpec): Promise<void> {
  const names = [...new Set(search.space.model ?? [model.family])];
  if (search.space.model_params === undefined && names.every((name) => name === PLAIN)) return;
  const [{ familyOf }, { planSearch }] = await Promise.all([
    import("./families.ts"),
    import("./search-plan.ts"),
  ]);
  planSearch(search, await Promise.all(names.map((name) => familyOf(name))));
}

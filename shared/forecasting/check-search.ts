import type { ForecasterSpec } from "../contracts/spec.ts";

/** It heeds all that every live config has, and has no parameters of its own. */
const PLAIN = "chronos-bolt";
/** So long that three lists of them have 1,000 points, the most that `planSearch` takes. */
const FEW = 10;

/**
 * Refuses a spec whose search turns knobs that its families do not have, gives them values that they do not take, or
 * cannot be planned: a grid of floats without steps, too many points. What that takes is loaded only where there is
 * something to check. Which external trainers there are is known where `RETUNE_TRAINERS` is set: elsewhere a search over
 * family `command` is left to the optimizer that leads it.
 *
 * @throws {InvalidInputError} as `planSearch`
 */
export async function checkSearch({ model, search }: ForecasterSpec): Promise<void> {
  const names = [...new Set(search.space.model ?? [model.family])];
  if (isSmall(search) && names.every((name) => name === PLAIN)) return;
  if (names.includes("command") && !process.env.RETUNE_TRAINERS) return;
  const [{ familyOf }, { planSearch }] = await Promise.all([
    import("./families.ts"),
    import("./search-plan.ts"),
  ]);
  planSearch(search, await Promise.all(names.map((name) => familyOf(name))));
}

/** Whether the space has short lists of common parameters alone, which any sampler can search. */
function isSmall({ space, trials }: ForecasterSpec["search"]): boolean {
  const { context_length, num_samples, temperature, model_params } = space;
  return (
    model_params === undefined &&
    trials <= FEW * FEW * FEW &&
    [context_length, num_samples, temperature].every(
      (values) => values === undefined || (Array.isArray(values) && values.length <= FEW),
    )
  );
}

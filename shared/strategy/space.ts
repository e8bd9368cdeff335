import type { StrategySpec } from "../contracts/spec-strategy.ts";
import type { StrategyParameters } from "../contracts/strategy-parameters.ts";
import { InvalidInputError } from "../errors.ts";
import type { Dimension } from "../search/dimension.ts";
import { defineSpace, type Point, type Space } from "../search/space.ts";

/** Parameters that one way of sizing looks at and the others do not. */
const SIZED_BY: Partial<Record<keyof StrategyParameters, StrategyParameters["sizing"]>> = {
  position_size: "fixed",
  volatility_target: "volatility",
  volatility_window: "volatility",
  kelly_fraction: "kelly",
};

/**
 * The space a strategy is tuned in. A parameter of one way of sizing exists beside that way alone, so no trial turns a
 * knob that does nothing.
 *
 * @throws {InvalidInputError} for a parameter that no sizing in the space looks at, and as `defineSpace`
 */
export function strategySpace({ space, parameters }: Pick<StrategySpec, "space" | "parameters">): Space {
  const sizings = space.sizing ?? [parameters.sizing];
  const dimensions = Object.entries(space).flatMap(([name, varied]): Dimension[] => {
    if (varied === undefined) return [];
    const sizing = SIZED_BY[name as keyof StrategyParameters];
    if (sizing !== undefined && !sizings.includes(sizing))
      throw new InvalidInputError(
        `strategy.space.${name}: sizing is ${sizings.join(" or ")} and ignores it, expected ${sizing} among them`,
      );
    const when = sizing === undefined || space.sizing === undefined ? {} : { when: { sizing: [sizing] } };
    if (Array.isArray(varied)) return [{ kind: "choice", name, choices: varied, ...when }];
    const kind = name === "volatility_window" ? "integer" : "float";
    return [{ kind, name, ...varied, ...when }];
  });
  return defineSpace(dimensions);
}

/** The parameters that a point of the space stands for. */
export function parametersAt(
  point: Point,
  { parameters }: Pick<StrategySpec, "parameters">,
): StrategyParameters {
  return { ...parameters, ...(point as Partial<StrategyParameters>) };
}

import type { ValidationSpec } from "../../shared/contracts/spec.ts";
import type { StrategySpec } from "../../shared/contracts/spec-strategy.ts";
import type { ComparedStrategy } from "../../shared/contracts/strategy.ts";
import type { Criterion } from "../../shared/contracts/validator.ts";
import { beats } from "../../shared/strategy/compare.ts";
import { type Verdict, verdictOf } from "./decide.ts";
import { figure, percent } from "./figures.ts";

type Limits = Pick<StrategySpec, "objective" | "max_drawdown" | "max_p_value">;

/**
 * Whether another use of the same forecasts may go live, by the prices that its search never saw. (B-STR-1, B-RSK-1)
 *
 *     improvement   the objective is above that of the parameters in force
 *     references    … and above those of buying and holding and of doing nothing, which is 0
 *     drawdown      it keeps to `max_drawdown`, and is not ruined
 *     luck          chance that its gain over the parameters in force is luck at most `max_p_value`
 *
 * What cannot be told is not passed. One that must not be traded beats nobody and is beaten by anybody.
 *
 * @param strategies as `compareStrategies`: the tuned one, the present one, the references
 */
export function decideStrategy(
  strategies: readonly ComparedStrategy[],
  limits: Limits,
  validation: Pick<ValidationSpec, "approval">,
): Verdict {
  const [tuned, present, ...references] = strategies as [ComparedStrategy, ...ComparedStrategy[]];
  const criteria = [
    above("improvement", tuned, [present!], limits),
    above("references", tuned, references, limits),
    bounded(tuned, limits),
    proven(present!, limits),
  ];
  const failed = criteria.filter(({ passed }) => !passed);
  const reasons = (failed.length === 0 ? criteria : failed).map(({ reason }) => reason);
  return verdictOf(failed.length === 0, reasons, { criteria, first_deployment: false }, validation);
}

function above(
  name: "improvement" | "references",
  tuned: ComparedStrategy,
  others: readonly ComparedStrategy[],
  { objective }: Limits,
): Criterion {
  const own = tuned.objective;
  const told = others.map((each) => `${each.name} ${worth(each)}`).join(", ");
  return {
    name,
    passed: own !== null && others.every((each) => beats(tuned, each)),
    value: own,
    limit: `${objective} above ${others.map((each) => each.name).join(" and ")}`,
    reason: `${objective} on the held-out prices ${worth(tuned)}, ${told}`,
  };
}

function worth({ objective, infeasible }: ComparedStrategy): string {
  const value = objective === null ? "n/a" : figure(objective);
  return infeasible === null ? value : `${value} (${infeasible})`;
}

function bounded({ held_out, infeasible }: ComparedStrategy, { max_drawdown }: Limits): Criterion {
  const { max_drawdown: drawdown } = held_out;
  return {
    name: "drawdown",
    passed: infeasible === null && drawdown <= max_drawdown,
    value: drawdown,
    limit: `<= ${percent(max_drawdown)}`,
    reason: infeasible ?? `largest loss from a peak ${percent(drawdown)}, at most ${percent(max_drawdown)}`,
  };
}

function proven({ p_value }: ComparedStrategy, { max_p_value }: Limits): Criterion {
  return {
    name: "luck",
    passed: p_value !== null && p_value <= max_p_value,
    value: p_value,
    limit: `<= ${max_p_value}`,
    reason:
      p_value === null
        ? "too few held-out prices to tell luck"
        : `chance that its gain over the present parameters is luck ${figure(p_value)}, at most ${max_p_value}`,
  };
}

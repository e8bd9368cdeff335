import type { ArtifactStore } from "../../shared/bus/artifacts.ts";
import type { Searched } from "../../shared/contracts/optimizer.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { StrategySpec } from "../../shared/contracts/spec-strategy.ts";
import type { ComparedStrategy } from "../../shared/contracts/strategy.ts";
import type { StrategyParameters } from "../../shared/contracts/strategy-parameters.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { readMarket } from "../../shared/history/market.ts";
import { compareStrategies } from "../../shared/strategy/compare.ts";
import { inForce } from "../../shared/strategy/in-force.ts";
import { barsPerYear } from "../../shared/strategy/time.ts";
import { type Champion, isSameConfig, isSameParams } from "./state.ts";

/**
 * The strategy that a candidate is judged by: the spec's, with the parameters that are in force.
 *
 * @throws {InvalidInputError} where there is nothing to judge it by any more, or it would change nothing
 */
export function strategyToJudge(
  { candidate }: Pick<Searched, "candidate">,
  { forecaster, strategy }: ForecasterSpec,
  champion: Champion | null,
): { readonly strategy: StrategySpec; readonly tuned: StrategyParameters } {
  const { strategy: tuned } = candidate;
  if (strategy === undefined || tuned === undefined)
    throw new InvalidInputError(`the spec of '${forecaster}' has no section strategy any more`);
  if (champion === null || !isSameConfig(candidate, champion))
    throw new InvalidInputError(
      "the live config is not the one whose forecasts the strategy was tuned on: it was deployed or rolled back since",
    );
  const judged = inForce(strategy, champion);
  if (isSameParams(tuned, judged.parameters))
    throw new InvalidInputError("the strategy found is the one in force: deploying it would change nothing");
  return { strategy: judged, tuned };
}

/**
 * The tuned strategy beside the present one and the references, on the prices and forecasts that the search has stored.
 *
 * @throws as `ArtifactStore.fetch` and `readMarket`; {InvalidInputError} where the search did not say what it saw
 */
export async function measureStrategies(
  artifacts: Pick<ArtifactStore, "fetch">,
  { dataset, split }: Pick<Searched, "dataset" | "split">,
  spec: ForecasterSpec,
  { strategy, tuned }: ReturnType<typeof strategyToJudge>,
): Promise<readonly ComparedStrategy[]> {
  if (split === undefined) throw new InvalidInputError("the search does not say which prices it has seen");
  const { times: _, probability, ...bars } = await readMarket(await artifacts.fetch(dataset));
  const { train_end, search_end, points } = split;
  const spans = {
    searched: { from: train_end, to: search_end },
    heldOut: { from: search_end, to: points },
  };
  const market = { bars, probability, barsPerYear: barsPerYear(spec) };
  return compareStrategies(market, spans, strategy, tuned).strategies;
}

import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { ModelAction } from "../../shared/contracts/spec-remedies.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { type FamilyName, familyOf } from "../../shared/forecasting/families.ts";
import type { ModelFamily } from "../../shared/forecasting/family.ts";
import { nextGeneration, planSearch, type SearchPlan } from "../../shared/forecasting/search-plan.ts";
import { valuesOf } from "../../shared/forecasting/search-space.ts";
import type { Point, Space } from "../../shared/search/space.ts";
import type { Study } from "./state.ts";

/** What a run is to do, before there is data for it. */
export interface Remedy extends Pick<Study, "action" | "training" | "parent"> {
  readonly plan: SearchPlan;
  readonly generations: readonly (readonly Point[])[];
  /** families that may be tried */
  readonly families: readonly ModelFamily[];
}

/** The family whose bundle is a mixture of other families' forecasts. */
export const MIXTURE = "ensemble";

/**
 * What an accepted run asks for: a search over the spec's space, or one trial of the live configuration, trained anew
 * (refit) or with new weights for its members (reweigh).
 *
 * @throws {InvalidInputError} for a space that makes no sense for its families, as `planSearch`; for a refit or reweigh
 *   of nothing, of a family that has nothing to train, or, to be weighed anew, no members
 */
export async function remedyOf(
  action: ModelAction,
  spec: ForecasterSpec,
  live: LiveConfig | undefined,
  adapt?: (space: Space) => Space,
): Promise<Remedy> {
  return action === "search" ? searchOf(spec, live, adapt) : repairOf(action, spec, live);
}

async function searchOf(
  spec: ForecasterSpec,
  live: LiveConfig | undefined,
  adapt: ((space: Space) => Space) | undefined,
): Promise<Remedy> {
  const names = [...new Set(spec.search.space.model ?? [spec.model.family])];
  const families = await Promise.all(names.map((name) => familyOf(name)));
  const incumbent =
    live !== undefined && names.includes(live.model)
      ? valuesOf({ model: live.model, params: live })
      : undefined;
  const plan = planSearch(spec.search, families, { incumbent, adapt });
  return {
    ...{ action: "search", training: "full", parent: null, plan, families },
    generations: [nextGeneration(plan, [])],
  };
}

async function repairOf(
  action: Exclude<ModelAction, "search">,
  { forecaster, search }: ForecasterSpec,
  live: LiveConfig | undefined,
): Promise<Remedy> {
  const refuse = (why: string) => new InvalidInputError(`${action} of '${forecaster}': ${why}`);
  if (live === undefined)
    throw refuse("nothing is live yet, so there is nothing to go by; a search is needed");
  const family = await familyOf(live.model);
  if (action === "reweigh" && family.name !== MIXTURE)
    throw refuse(
      `its model is of family '${family.name}', which has no members to weigh; only '${MIXTURE}' has`,
    );
  if (family.artifact === "file")
    throw refuse(`its model is of family '${family.name}', a pretrained file, which is not trained here`);
  if (family.artifact === "none")
    throw refuse(
      `its model is of family '${family.name}', which forecasts from the context alone: it is always fitted anew`,
    );
  const { context_length, num_samples, temperature, model_params } = live;
  const { model: _, ...point } = valuesOf({
    model: live.model,
    params: { context_length, num_samples, temperature, model_params },
  });
  const training = action === "reweigh" ? "reweigh" : search.refit;
  return {
    ...{ action, training, families: [family] },
    parent: training === "full" ? null : live.artifact,
    plan: {
      ...{
        space: { dimensions: [] },
        model: live.model as FamilyName,
        fixed: { context_length, num_samples, temperature },
      },
      ...{ sampler: "grid", seed: search.seed, size: 1, generation: 1, starts: [] },
    },
    generations: [[point as Point]],
  };
}

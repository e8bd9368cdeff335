import { explain } from "../../errors.ts";
import { openBundle } from "../bundle/open-bundle.ts";
import type { LoadOptions, ModelFamily, OpenedFamily } from "../family.ts";
import { takeContexts } from "../forecast.ts";
import type { ForecastSpec, QuantileForecast } from "../quantile-forecast.ts";
import { summariseExactly } from "../sampling.ts";
import { everyMemberFailed } from "./backtest-forecasts.ts";
import { averageQuantiles } from "./combine.ts";
import { ensembleOf, type WeightedMember } from "./ensemble-bundle.ts";
import { type LeftOut, memberForecasts, type OpenMember, openMembers, releaseMembers } from "./members.ts";
import { ENSEMBLE_PARAMETERS, isEnabled } from "./parameters.ts";
import { trainEnsemble } from "./train.ts";

/**
 * Several families as one: the weighted average of their quantiles, with weights found on what they forecast before
 * (A-OPT-9, E-ENS-1). The bundle holds its members whole, and their stored forecasts, so that weights can be found anew
 * without any inference. A forecast costs as much as those of all members with a weight above 0.
 *
 * A member whose flag is off, that cannot be opened, or that fails on a request is left out of that request, and the
 * others' weights are scaled up; `left_out` of the status says why (E-RUN-1).
 */
export const ensembleFamily: ModelFamily = {
  name: "ensemble",
  heeds: ["context_length", "num_samples", "temperature"],
  parameters: ENSEMBLE_PARAMETERS,
  artifact: "trained",
  open: openEnsemble,
  train: trainEnsemble,
};

/** An open ensemble, which says who is in it. */
export interface OpenedEnsemble extends OpenedFamily {
  readonly status: () => EnsembleStatus;
}

export interface EnsembleStatus {
  /** weights of the latest forecast, or of the bundle before the first */
  readonly weights: Readonly<Record<string, number>>;
  readonly left_out: readonly LeftOut[];
}

interface Running extends OpenMember, Pick<WeightedMember, "weight"> {}

/** @throws {ModelMismatchError} when the bundle cannot be used, {InvalidInputError} when no member can be opened */
export async function openEnsemble(
  artifact: string | Uint8Array | undefined,
  options: LoadOptions,
): Promise<OpenedEnsemble> {
  const ensemble = ensembleOf(await openBundle(artifact, ensembleFamily.name));
  const weighty = ensemble.members.filter(({ weight }) => weight > 0);
  const { opened, leftOut: notOpened } = await openMembers(weighty, options);
  if (opened.length === 0) throw everyMemberFailed(notOpened);
  const running = opened.map(
    (member): Running => ({
      ...member,
      weight: weighty.find(({ family }) => family === member.family)!.weight,
    }),
  );
  let status: EnsembleStatus = { ...sharesOf(running), left_out: notOpened };
  return {
    // A member that draws by itself makes the whole law depend on the draws.
    sampling: running.some(({ model }) => model.sampling === "own") ? "own" : "layer",
    joint: running.some(({ model }) => model.joint === true),
    predictQuantiles: async (contexts, spec) => {
      takeContexts(contexts, spec);
      const { answers, leftOut } = await askAll(running, contexts, spec);
      status = { ...sharesOf(answers), left_out: [...notOpened, ...leftOut] };
      if (answers.length === 0) throw everyMemberFailed(status.left_out);
      const weights = answers.map(({ weight }) => weight);
      return contexts.map((_, s) =>
        averageQuantiles(
          answers.map(({ forecasts }) => forecasts[s]!),
          weights,
        ),
      );
    },
    summarise: summariseExactly,
    release: () => releaseMembers(opened),
    status: () => status,
  };
}

interface Answer {
  readonly family: string;
  readonly weight: number;
  readonly forecasts: readonly QuantileForecast[];
}

async function askAll(
  members: readonly Running[],
  contexts: readonly Float32Array[],
  spec: ForecastSpec,
): Promise<{ answers: Answer[]; leftOut: LeftOut[] }> {
  const answers: Answer[] = [];
  const leftOut: LeftOut[] = [];
  for (const member of members) {
    const { family, weight } = member;
    if (!isEnabled(family, spec.model_params)) {
      leftOut.push({ family, reason: "disabled" });
      continue;
    }
    try {
      answers.push({ family, weight, forecasts: await memberForecasts(member, contexts, spec) });
    } catch (error) {
      leftOut.push({ family, reason: explain(error) });
    }
  }
  return { answers, leftOut };
}

function sharesOf(members: readonly Pick<Answer, "family" | "weight">[]) {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  return { weights: Object.fromEntries(members.map(({ family, weight }) => [family, weight / total])) };
}

import { explain, InvalidInputError } from "../../errors.ts";
import { type Bundle, packBundle } from "../bundle/bundle.ts";
import { timeBefore, trainedOn } from "../bundle/trained-on.ts";
import { familyOf } from "../families.ts";
import type { TrainingRequest } from "../family.ts";
import { backtestForecasts, longestOf } from "./backtest-forecasts.ts";
import { judgingCutoffs } from "./cutoffs.ts";
import { describe, type Ensemble, ensembleFiles, ensembleOf } from "./ensemble-bundle.ts";
import { type LeftOut, type Member, openMembers, releaseMembers } from "./members.ts";
import { isEnabled, paramsOfMember, wantedFamilies, weightingOf, windowsOf } from "./parameters.ts";
import type { StoredForecasts } from "./stored-forecasts.ts";
import { reweigh, type Weighting } from "./weights.ts";

/**
 * Makes an ensemble. Without a parent its members are trained on what lies before the cutoffs they are judged at, judged
 * there, weighed, and trained once more on everything. With a parent its members stay as they are, forecast at cutoffs
 * after all that they were trained on, and get new weights: what was forecast once is not forecast again.
 *
 * A member that cannot be made, opened or used is left out and the bundle says why.
 *
 * @throws {InvalidInputError} when no member is left, or the series are too short to judge any
 */
export async function trainEnsemble(request: TrainingRequest): Promise<Bundle> {
  const ensemble =
    request.parent === null ? await assemble(request) : await followUp(request, request.parent);
  const report = describe(ensemble);
  const { series, grid, params, seed } = request;
  const metrics: Record<string, number> = { loss: report.loss, windows: ensemble.stored.windows.length };
  for (const [member, weight] of Object.entries(report.weights)) metrics[`weight.${member}`] = weight;
  return {
    info: {
      format: 1,
      family: "ensemble",
      params,
      seed,
      trained_on: trainedOn(series, grid, ensemble.stored.windows.length),
      metrics,
      parent: null,
      code_version: "",
    },
    files: ensembleFiles(ensemble, report),
  };
}

async function assemble(request: TrainingRequest): Promise<Ensemble> {
  const { model_params } = request.params;
  const length = longestOf(request.series);
  const cutoffs = judgingCutoffs(length, request.horizon, windowsOf(model_params), request.series.length);
  const wanted = wantedFamilies(model_params).map((family) => ({
    ...{ family, params: paramsOfMember(family, model_params) },
  }));
  const { pretrained } = request;
  const foundation =
    pretrained !== undefined && isEnabled(pretrained.family, model_params)
      ? [
          {
            family: pretrained.family,
            params: paramsOfMember(pretrained.family, model_params),
            artifact: pretrained.bytes,
          },
        ]
      : [];
  const early = await makeMembers([...foundation, ...wanted], firstSteps(request, length - 1 - cutoffs[0]!));
  const judged = await judge(early.members, request, cutoffs);
  const useful = early.members.filter(({ family }) => judged.stored.members.includes(family));
  const final = await makeMembers(useful, request);
  return {
    ...weighed(final.members, judged.stored, weightingOf(model_params)),
    leftOut: [...early.leftOut, ...judged.leftOut, ...final.leftOut],
    trainedToMs: endOf(request),
  };
}

async function followUp(request: TrainingRequest, parent: Bundle): Promise<Ensemble> {
  const before = ensembleOf(parent);
  const { model_params } = request.params;
  const members = before.members.filter(({ family }) => isEnabled(family, model_params));
  const names = members.map(({ family }) => family);
  const known = { stored: pick(before.stored, names), trainedToMs: before.trainedToMs };
  const { stored, leftOut } = await newForecasts(request, members, known);
  const { trainedToMs } = before;
  return { ...weighed(members, stored, weightingOf(model_params)), leftOut, trainedToMs };
}

/**
 * The stored forecasts with those of the cutoffs since, the oldest ones going. A cutoff within what the members were
 * trained on is none: they know what came.
 */
async function newForecasts(
  request: TrainingRequest,
  members: readonly Member[],
  { stored, trainedToMs }: Pick<Ensemble, "stored" | "trainedToMs">,
): Promise<{ stored: StoredForecasts; leftOut: readonly LeftOut[] }> {
  const { series, grid, horizon } = request;
  const newest = Math.max(...stored.windows.map(({ cutoffMs }) => cutoffMs));
  const length = longestOf(series);
  const wanted = windowsOf(request.params.model_params);
  if (horizon !== stored.horizon) {
    throw new InvalidInputError(
      `the ensemble to go on from forecasts ${stored.horizon} steps, the horizon is ${horizon}: it has to be trained anew`,
    );
  }
  const fresh = judgingCutoffs(length, horizon, wanted, series.length).filter((cutoff) => {
    const at = timeBefore(endOf(request), length - 1 - cutoff, grid);
    return at > newest && at >= trainedToMs;
  });
  if (fresh.length === 0) return { stored, leftOut: [] };
  const judged = await judge(members, request, fresh);
  const old = pick(stored, judged.stored.members);
  const windows = [...old.windows, ...judged.stored.windows].slice(-wanted * series.length);
  return { stored: { ...judged.stored, windows }, leftOut: judged.leftOut };
}

/** As `backtestForecasts`, of members that are opened for it; one that cannot be is left out. */
async function judge(members: readonly Member[], request: TrainingRequest, cutoffs: readonly number[]) {
  const { opened, leftOut } = await openMembers(members);
  try {
    const judged = await backtestForecasts(opened, request, cutoffs);
    return { stored: judged.stored, leftOut: [...leftOut, ...judged.leftOut] };
  } finally {
    await releaseMembers(opened);
  }
}

/** What is stored of these members, in this order. */
function pick({ horizon, members, windows }: StoredForecasts, names: readonly string[]): StoredForecasts {
  const at = names.map((name) => members.indexOf(name));
  return {
    horizon,
    members: names,
    windows: windows.map((window) => ({ ...window, forecasts: at.map((m) => window.forecasts[m]!) })),
  };
}

function endOf({ series }: TrainingRequest): number {
  return Math.max(...series.map(({ endMs }) => endMs));
}

function weighed(
  members: readonly Member[],
  stored: StoredForecasts,
  weighting: Weighting,
): Pick<Ensemble, "members" | "stored" | "weighting"> {
  const names = members.map(({ family }) => family).filter((name) => stored.members.includes(name));
  const picked = pick(stored, names);
  const weights = reweigh(picked, weighting);
  return {
    members: names.map((name, m) => ({
      ...members.find(({ family }) => family === name)!,
      weight: weights[m]!,
    })),
    weighting,
    stored: picked,
  };
}

/** Trains those that are trained; one that cannot be is left out. */
async function makeMembers(
  wanted: readonly Member[],
  request: TrainingRequest,
): Promise<{ members: Member[]; leftOut: LeftOut[] }> {
  const members: Member[] = [];
  const leftOut: LeftOut[] = [];
  for (const member of wanted) {
    try {
      members.push(await made(member, request));
    } catch (error) {
      leftOut.push({ family: member.family, reason: explain(error) });
    }
  }
  return { members, leftOut };
}

async function made(member: Member, request: TrainingRequest): Promise<Member> {
  const { train } = await familyOf(member.family);
  if (train === undefined) return member;
  const params = { ...request.params, model_params: member.params };
  const bundle = await train({ ...request, params, parent: null });
  return { ...member, artifact: packBundle(bundle) };
}

/** The request without its last `steps` steps: what those hold does not exist for whoever trains on it. */
function firstSteps(request: TrainingRequest, steps: number): TrainingRequest {
  const series = request.series
    .filter(({ values }) => values.length > steps)
    .map(({ entity, values, endMs }) => ({
      entity,
      values: values.subarray(0, values.length - steps),
      endMs: timeBefore(endMs, steps, request.grid),
    }));
  return { ...request, series };
}

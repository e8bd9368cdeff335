import type { KvBucket } from "../../shared/bus/kv.ts";
import { durationMs } from "../../shared/contracts/duration.ts";
import { MAX_LISTED_WINDOWS } from "../../shared/contracts/optimizer.ts";
import { horizonSteps, stepsIn } from "../../shared/contracts/spec.ts";
import { ModelAction } from "../../shared/contracts/spec-remedies.ts";
import type { Accepted } from "../../shared/contracts/trigger.ts";
import { InvalidInputError, StaleStateError, UnavailableError } from "../../shared/errors.ts";
import type { BacktestData } from "../../shared/forecasting/backtest.ts";
import { datasetCache } from "../../shared/forecasting/dataset-cache.ts";
import type { FamilyName } from "../../shared/forecasting/families.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { naiveScale } from "../../shared/statistics/errors.ts";
import { adaptation } from "./adapt.ts";
import { datasetAbout } from "./backtest-job.ts";
import { makeDataset, searchWindow } from "./dataset.ts";
import { remedyOf } from "./remedy.ts";
import { splitData } from "./split.ts";
import { Study, searchCutoffs, studyKey } from "./state.ts";
import { bundleInfo, lastLosses, liveConfig, type StudySources, storedModel } from "./study-sources.ts";

/** An accepted run as its event says it. */
export interface AcceptedRun {
  readonly data: Accepted;
  readonly sequence: number;
}

export interface OpenStudy {
  readonly study: Study;
  readonly revision: number;
  /** Made just now: none of its tasks can be on the queue. */
  readonly fresh: boolean;
}

export function studies({ bus }: Pick<ServiceContext, "bus">): KvBucket<Study> {
  return bus.kv("states", Study);
}

/**
 * Makes the study of a run. Of several optimizers that make one at the same time the first to store it decides, and the
 * others go on with that.
 *
 * @throws {UnavailableError} when no spec is applied yet, and as `remedyOf`, `storeModel`, `searchWindow` and
 *   `makeDataset`
 */
export async function makeStudy(
  context: ServiceContext,
  sources: StudySources,
  run: AcceptedRun,
): Promise<OpenStudy> {
  const bucket = studies(context);
  const key = studyKey(run.data.run_id);
  const study = await newStudy(context, sources, run);
  try {
    return { study, revision: await bucket.create(key, study), fresh: true };
  } catch (error) {
    const theirs = error instanceof StaleStateError ? await bucket.get(key) : undefined;
    if (theirs === undefined) throw error;
    return { study: theirs.value, revision: theirs.revision, fresh: false };
  }
}

async function newStudy(context: ServiceContext, sources: StudySources, run: AcceptedRun): Promise<Study> {
  const { specs, windows, machine } = sources;
  const { bus } = context;
  const { run_id, forecaster } = run.data;
  const action = ModelAction.parse(run.data.action);
  const startedAtMs = Date.now();
  const spec = specs.get(forecaster);
  if (spec === undefined) throw new UnavailableError(`no spec of forecaster '${forecaster}' is applied`);
  const specRevision = specs.revision(forecaster);
  // Asked for beside what it may turn out not to be needed for; what went wrong with it is seen where it is needed.
  const window = searchWindow(bus, spec);
  window.catch(() => {});
  const [live, { digest: losses, book }] = await Promise.all([
    liveConfig(context, forecaster),
    lastLosses(context, forecaster),
  ]);
  const adapted: string[] = [];
  const adapt = adaptation(spec.search, machine, book, adapted);
  const { families, ...remedy } = await remedyOf(action, spec, live, adapt);
  const model = await storedModel(context, sources.checkModel, spec, { families, training: remedy.training });
  const dataset = await makeDataset({ bus, windows }, spec, await window);
  const study: Study = {
    ...{ run_id, forecaster, accepted_sequence: run.sequence },
    ...{ started_at_ms: startedAtMs, spec_revision: specRevision, search: spec.search },
    ...remedy,
    generations: remedy.generations.map((points) => [...points]),
    ...model,
    trained: families.filter(({ artifact }) => artifact === "trained").map(({ name }) => name as FamilyName),
    ...dataset,
    fleet: spec.entities === "all",
    grid: { step_ms: durationMs(spec.step), calendar: spec.calendar },
    split: splitData(dataset.data.points, spec),
    horizon: horizonSteps(spec),
    season_length: spec.season_length,
    backtest_steps: stepsIn(spec.search.backtest, spec),
    naive_scale: null,
    ...{ losses, adapted, fallback: null, final: null },
  };
  const data = await datasetCache(bus.artifacts).get(study.dataset, datasetAbout(study));
  const split = await unseenByParent(context, study, data);
  return {
    ...study,
    adapted: [...adapted, ...pruningNote(study)],
    split,
    naive_scale: scaleOf(data, split.train_end),
  };
}

/**
 * A model that goes on from another knows what that one has seen: it is scored on what came after.
 *
 * @throws {InvalidInputError} when nothing came after
 */
async function unseenByParent(
  context: ServiceContext,
  study: Study,
  data: BacktestData,
): Promise<Study["split"]> {
  const { parent, split, action, forecaster } = study;
  if (parent === null) return split;
  const { to } = (await bundleInfo(context, parent)).trained_on;
  const seen = data.times?.findLastIndex((time) => time <= Date.parse(to)) ?? -1;
  const train_end = Math.max(split.train_end, seen + 1);
  if (train_end < split.search_end) return { ...split, train_end };
  throw new InvalidInputError(
    `${action} of '${forecaster}': its model has seen everything up to ${to}, and nothing was observed since but the hold-out`,
  );
}

/** What the MASE of the search's windows is scaled by; null where there are many series, or one that repeats itself. */
function scaleOf({ series, seasonLength }: BacktestData, end: number): number | null {
  if (series.length !== 1) return null;
  const scale = naiveScale(series[0]!.values.subarray(0, end), seasonLength === "auto" ? 1 : seasonLength);
  return scale > 0 ? scale : null;
}

function pruningNote(study: Study): string[] {
  const windows = searchCutoffs(study).length;
  if (study.search.prune === "none" || windows <= MAX_LISTED_WINDOWS) return [];
  return [
    `no trial is pruned: the backtest has ${windows} windows, and more than ${MAX_LISTED_WINDOWS} cannot be compared one by one; a larger search.step_size makes fewer`,
  ];
}

import type { KvBucket } from "../../shared/bus/kv.ts";
import { horizonSteps, stepsIn } from "../../shared/contracts/spec.ts";
import type { Accepted } from "../../shared/contracts/trigger.ts";
import { StaleStateError, UnavailableError } from "../../shared/errors.ts";
import { planSearch } from "../../shared/forecasting/search-plan.ts";
import type { WindowCache } from "../../shared/history/window-cache.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { makeDataset } from "./dataset.ts";
import { type CheckModel, storeModel } from "./model-file.ts";
import { Study, studyKey } from "./state.ts";

/** An accepted run as its event says it. */
export interface AcceptedRun {
  readonly data: Accepted;
  readonly sequence: number;
}

/** Where a new study takes its settings and its data from. */
export interface StudySources {
  readonly specs: SpecStore;
  readonly windows: WindowCache;
  readonly checkModel: CheckModel;
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
 * @throws {UnavailableError} when no spec is applied yet, and as `makeDataset` and `storeModel`
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

async function newStudy(
  context: ServiceContext,
  { specs, windows, checkModel }: StudySources,
  { data, sequence }: AcceptedRun,
): Promise<Study> {
  const startedAtMs = Date.now();
  const spec = specs.get(data.forecaster);
  if (spec === undefined) throw new UnavailableError(`no spec of forecaster '${data.forecaster}' is applied`);
  const specRevision = specs.revision(data.forecaster);
  planSearch(spec.search); // refuses what cannot be searched before data is fetched for it
  const artifact = await storeModel(context, spec, checkModel);
  const dataset = await makeDataset({ bus: context.bus, windows }, spec);
  return {
    run_id: data.run_id,
    forecaster: data.forecaster,
    accepted_sequence: sequence,
    started_at_ms: startedAtMs,
    spec_revision: specRevision,
    search: spec.search,
    model: spec.model.family,
    artifact,
    ...dataset,
    horizon: horizonSteps(spec),
    season_length: spec.season_length,
    backtest_steps: stepsIn(spec.search.backtest, spec),
    fallback: null,
  };
}

import { readFile } from "node:fs/promises";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { type BundleInfo, readBundle } from "../../shared/forecasting/bundle/bundle.ts";
import type { WindowCache } from "../../shared/history/window-cache.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import type { Machine } from "./adapt.ts";
import { type LossBook, LossesRecord, lossesKey, NO_LOSSES, readLosses } from "./losses.ts";
import { type CheckModel, storeModel } from "./model-file.ts";
import { MIXTURE, type Remedy } from "./remedy.ts";
import type { Study } from "./state.ts";

/** Where a new study takes its settings and its data from. */
export interface StudySources {
  readonly specs: SpecStore;
  readonly windows: WindowCache;
  readonly checkModel: CheckModel;
  /** that the search is to fit */
  readonly machine: Machine;
}

/** What is live; one that breaks its contract must not keep a search from replacing it. */
export async function liveConfig(
  { bus, log }: ServiceContext,
  forecaster: string,
): Promise<LiveConfig | undefined> {
  try {
    return (await bus.kv("live-configs", LiveConfig).get(forecaster))?.value;
  } catch (err) {
    if (!(err instanceof InvalidInputError)) throw err;
    log.warn({ err, forecaster }, "the live config cannot be read, and is left out of account");
    return undefined;
  }
}

/** What the last search of a forecaster has left. Without it this one only takes longer. */
export async function lastLosses(
  { bus, log }: ServiceContext,
  forecaster: string,
): Promise<{ digest: string | null; book: LossBook }> {
  try {
    const digest = (await bus.kv("states", LossesRecord).get(lossesKey(forecaster)))?.value.artifact ?? null;
    return { digest, book: await readLosses(bus.artifacts, digest) };
  } catch (err) {
    log.warn({ err, forecaster }, "what earlier searches have found cannot be read, and is found anew");
    return { digest: null, book: NO_LOSSES };
  }
}

/**
 * The model file of the search, under the family that it is of: of use to that family, and to one that builds on it, an
 * ensemble. Members that only get new weights have it with them.
 */
export async function storedModel(
  context: ServiceContext,
  checkModel: CheckModel,
  spec: ForecasterSpec,
  { families, training }: Pick<Remedy, "families" | "training">,
): Promise<Pick<Study, "artifacts" | "pretrained">> {
  const forecasts = families.some(({ artifact }) => artifact === "file");
  const builds = training !== "reweigh" && families.some(({ name }) => name === MIXTURE);
  const foundation = builds && spec.model.path !== undefined ? spec.model.foundation : undefined;
  const wanted = forecasts || foundation !== undefined;
  const stored = wanted ? await storeModel(context, spec, checkModel, foundation) : null;
  return {
    artifacts: forecasts && stored !== null ? { [stored.family]: stored.artifact } : {},
    pretrained: builds ? stored : null,
  };
}

/** What a stored bundle says of itself. */
export async function bundleInfo({ bus }: Pick<ServiceContext, "bus">, digest: string): Promise<BundleInfo> {
  return readBundle(await readFile(await bus.artifacts.fetch(digest)), digest).info;
}

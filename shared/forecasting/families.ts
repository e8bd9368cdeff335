import { MODEL_FAMILIES } from "../contracts/live-config.ts";
import { InvalidInputError } from "../errors.ts";
import type { ForecastModel, LoadOptions, ModelFamily } from "./family.ts";
import { temper } from "./sampling.ts";

export type { ForecastModel } from "./family.ts";

export type FamilyName = (typeof MODEL_FAMILIES)[number];

/** A family's code, and what that needs in turn, is loaded when the family is first used. */
const FAMILIES: Record<FamilyName, () => Promise<ModelFamily>> = {
  "chronos-bolt": async () => (await import("./chronos-bolt/family.ts")).chronosBoltFamily,
  "seasonal-naive": async () => (await import("./baselines/family.ts")).seasonalNaiveFamily,
  arima: async () => (await import("./arima/family.ts")).arimaFamily,
  ets: async () => (await import("./ets/family.ts")).etsFamily,
  var: async () => (await import("./var/family.ts")).varFamily,
  gbdt: async () => (await import("./gbdt/family.ts")).gbdtFamily,
  linear: async () => (await import("./linear/family.ts")).linearFamily,
  ensemble: async () => (await import("./ensemble/family.ts")).ensembleFamily,
  "last-value": async () => (await import("./baselines/family.ts")).lastValueFamily,
  signal: async () => (await import("./signal/family.ts")).signalFamily,
  "chronos-t5": async () => (await import("./chronos-t5/family.ts")).chronosT5Family,
  "chronos-2": async () => (await import("./chronos-2/family.ts")).chronos2Family,
  command: async () => (await import("./command/family.ts")).commandFamily,
};

/** @throws {InvalidInputError} for an unknown family */
export async function familyOf(name: string): Promise<ModelFamily> {
  if (Object.hasOwn(FAMILIES, name)) return FAMILIES[name as FamilyName]();
  throw new InvalidInputError(
    `model family '${name}' is unknown, expected one of ${MODEL_FAMILIES.join(", ")}`,
  );
}

/**
 * Opens a model.
 *
 * @param artifact path or bytes of the model file or bundle; only families with one need it
 * @throws {InvalidInputError} for an unknown family, or a missing artifact of a family that needs one
 * @throws {ModelMismatchError} when the file cannot be used
 */
export async function openFamily(
  name: string,
  artifact?: string | Uint8Array,
  options: LoadOptions = {},
): Promise<ForecastModel> {
  const family = await familyOf(name);
  const opened = await family.open(artifact, options);
  return {
    name: family.name,
    ...opened,
    forecast: async (contexts, spec) => {
      const temperature = opened.sampling === "own" ? 1 : spec.temperature;
      const quantiles = await opened.predictQuantiles(contexts, spec);
      return quantiles.map((forecast) => temper(forecast, opened.summarise(forecast, spec), temperature));
    },
  };
}

import type { Bus } from "../../../shared/bus/bus.ts";
import { durationMs } from "../../../shared/contracts/duration.ts";
import type { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { type ForecasterSpec, horizonSteps } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { packBundle } from "../../../shared/forecasting/bundle/bundle.ts";
import { type ForecastModel, familyOf, openFamily } from "../../../shared/forecasting/families.ts";
import type { Prices } from "./prices.ts";

/** The model that forecasts from bar `t` on: made from nothing later than that bar. */
export interface ModelsOverTime {
  at(t: number): Promise<ForecastModel>;
  release(): Promise<void>;
}

/**
 * The live config's model over the past. A model file is the same at all times. A trained model has seen the very prices
 * that it would be tried on, so one like it is trained anew every `retrainEvery` bars, on what lay before.
 *
 * @throws {InvalidInputError} for a live config without the file its family needs
 */
export async function modelsOverTime(
  { bus }: { readonly bus: Pick<Bus, "artifacts"> },
  live: LiveConfig,
  spec: ForecasterSpec,
  prices: Prices,
  retrainEvery: number,
): Promise<ModelsOverTime> {
  const family = await familyOf(live.model);
  if (family.artifact === "trained") return retrained(live, spec, prices, retrainEvery);
  if (family.artifact === "file" && live.artifact === null)
    throw new InvalidInputError(
      `the live config of '${live.forecaster}' names no artifact, family '${live.model}' needs one`,
    );
  const path = live.artifact === null ? undefined : await bus.artifacts.fetch(live.artifact);
  const model = await openFamily(live.model, path);
  return { at: async () => model, release: () => model.release() };
}

function retrained(
  live: LiveConfig,
  spec: ForecasterSpec,
  { bars, times }: Prices,
  every: number,
): ModelsOverTime {
  let current: { readonly model: ForecastModel; readonly until: number } | undefined;
  const train = async (t: number): Promise<ForecastModel> => {
    const family = await familyOf(live.model);
    const bundle = await family.train!({
      series: [{ entity: spec.entity ?? null, values: bars.close.slice(0, t + 1), endMs: times[t]! }],
      grid: { stepMs: durationMs(spec.step), calendar: spec.calendar },
      horizon: horizonSteps(spec),
      seasonLength: spec.season_length,
      params: live,
      seed: spec.search.seed,
      parent: null,
    });
    return openFamily(live.model, packBundle(bundle));
  };
  return {
    async at(t) {
      if (current !== undefined && t < current.until) return current.model;
      await current?.model.release();
      current = { model: await train(t), until: t + every };
      return current.model;
    },
    release: async () => current?.model.release(),
  };
}

import type { ModelParams } from "../../contracts/live-config.ts";
import { explain, InvalidInputError } from "../../errors.ts";
import { openFamily } from "../families.ts";
import type { ForecastModel, LoadOptions } from "../family.ts";
import type { ForecastSpec, QuantileForecast } from "../quantile-forecast.ts";

/** A model within an ensemble. A family is a member once at most, so its name is the member's. */
export interface Member {
  readonly family: string;
  /** the family's own parameters */
  readonly params: ModelParams;
  /** its model file or bundle, for families with one */
  readonly artifact?: Uint8Array | undefined;
}

/** A member that is left out, and why. */
export interface LeftOut {
  readonly family: string;
  readonly reason: string;
}

export interface OpenMember extends Member {
  readonly model: ForecastModel;
}

/** Opens members; one that cannot be opened is left out. The caller releases them. */
export async function openMembers(
  members: readonly Member[],
  options: LoadOptions = {},
): Promise<{ opened: OpenMember[]; leftOut: LeftOut[] }> {
  const opened: OpenMember[] = [];
  const leftOut: LeftOut[] = [];
  for (const member of members) {
    try {
      opened.push({ ...member, model: await openFamily(member.family, member.artifact, options) });
    } catch (error) {
      leftOut.push({ family: member.family, reason: explain(error) });
    }
  }
  return { opened, leftOut };
}

export async function releaseMembers(members: readonly OpenMember[]): Promise<void> {
  for (const { model } of members) await model.release();
}

/** Forecasts with the member's own parameters. @throws as its family, and when a forecast is not finite */
export async function memberForecasts(
  { family, params, model }: OpenMember,
  contexts: readonly Float32Array[],
  spec: ForecastSpec,
): Promise<QuantileForecast[]> {
  const forecasts = await model.predictQuantiles(contexts, { ...spec, model_params: params });
  const broken = forecasts.findIndex((forecast) => !forecast.values.every(Number.isFinite));
  if (broken >= 0)
    throw new InvalidInputError(
      `family '${family}' forecast context ${broken} with values that are not finite`,
    );
  return forecasts;
}

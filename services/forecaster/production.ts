import type { Prediction, PredictRequest } from "../../shared/contracts/telemetry.ts";
import type { LiveModel } from "./issuer.ts";

export type Variant = "champion" | "challenger";

/** Champion first: who reads the newest forecast of a challenger knows that of the champion is there. */
export const IN_ORDER: readonly Variant[] = ["champion", "challenger"];

/** Forecasts that are ready to be published. */
export interface Made {
  readonly messages: readonly { readonly records: readonly Prediction[]; readonly id: string }[];
  /** Why there is none of something that there should be one of. */
  readonly failures: readonly unknown[];
}

/** Stores what a production makes. */
export interface Publisher {
  /** True when everything that was made is stored; false where nothing is live, it failed, or the forecaster stops. */
  publish(variant: Variant, make: (live: LiveModel) => Promise<Made>): Promise<boolean>;
}

/** How forecasts of one member of a series, or of a whole fleet, are made: when they are due and when they are asked for. */
export interface Production {
  /** Resolves when all is known that was published before the call. From then on what arrives is forecast after. */
  start(): Promise<void>;
  /** Forecasts what was not forecast yet, after a swap say. */
  catchUp(): Promise<void>;
  /** A query on a model before it serves. @throws to refuse it */
  warmUp(variant: Variant, live: LiveModel): Promise<void>;
  /** @throws {InvalidInputError} when there cannot be a forecast of what was asked for */
  answer(
    live: LiveModel,
    request: PredictRequest,
  ): Promise<{ predictions: Prediction[]; next?: string | null }>;
  /** What the heartbeat says besides. */
  figures(live: LiveModel | undefined): object;
  /** Finishes what is being forecast. */
  stop(): Promise<void>;
}

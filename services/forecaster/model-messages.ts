import type { ForecastSpec, SeriesForecast } from "../../shared/forecasting/forecast.ts";

interface Asked {
  readonly open: { readonly model: number; readonly family: string; readonly path: string | undefined };
  readonly forecast: {
    readonly model: number;
    readonly contexts: readonly Float32Array[];
    readonly spec: ForecastSpec;
  };
  readonly release: { readonly model: number };
  readonly close: object;
}

/** What each kind of request is answered with. */
export interface ModelAnswers {
  /** entities that the model was trained with; null where it makes no difference between any */
  readonly open: { readonly vocabulary: readonly string[] | null };
  /** one per context */
  readonly forecast: SeriesForecast[];
  readonly release: undefined;
  readonly close: undefined;
}

export type ModelRequestKind = keyof Asked;

export type ModelRequestBody<K extends ModelRequestKind = ModelRequestKind> = {
  [Kind in K]: { readonly kind: Kind } & Asked[Kind];
}[K];

/** To a model thread. */
export type ModelRequest = { readonly id: number } & ModelRequestBody;

export type ModelReply =
  | { readonly id: number; readonly ok: true; readonly answer: ModelAnswers[ModelRequestKind] }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: { readonly name: string; readonly message: string };
    };

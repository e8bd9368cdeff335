import type { ForecastSpec, SeriesForecast } from "../../shared/forecasting/forecast.ts";

/** To a model thread. */
export type ModelRequest = { readonly id: number } & (
  | { readonly kind: "open"; readonly model: number; readonly family: string; readonly path: string }
  | {
      readonly kind: "forecast";
      readonly model: number;
      readonly context: Float32Array;
      readonly spec: ForecastSpec;
    }
  | { readonly kind: "release"; readonly model: number }
  | { readonly kind: "close" }
);

export type ModelReply =
  | { readonly id: number; readonly ok: true; readonly forecast?: SeriesForecast | undefined }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: { readonly name: string; readonly message: string };
    };

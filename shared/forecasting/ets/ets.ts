import { integratedNoise } from "../arima/integrated-noise.ts";
import { gaussianLaw } from "../gaussian-law.ts";
import { bridgedInflation, interpolate } from "../interpolate.ts";
import type { QuantileForecast } from "../quantile-forecast.ts";
import { staysInReach } from "../reach.ts";
import { deseasonalise } from "../seasonality.ts";
import { fitAutoEts, fitMstl, type Spreads } from "./library.ts";

/** How a season is treated before level and trend are smoothed. */
export type SeasonTreatment = "stl" | "classical" | "none";

/**
 * Exponential smoothing, fitted to the context; its law is Gaussian with the standard deviations of the fit.
 *
 * A season counts where the context has one (see `deseasonalise`). `stl` takes it out by STL, which lets it change,
 * `classical` by classical decomposition, `none` leaves it in. Missing values are interpolated, and the variances
 * multiplied by what that takes from them (see `bridgedInflation`). A context that nothing can be fitted to, mostly for
 * having fewer than about ten values, is forecast as a random walk, of which simple smoothing is the generalisation; so
 * is one whose forecast leaves ten times the range of the context.
 *
 * @param context      oldest step first, NaN for missing, at least one value
 * @param seasonLength m in steps, 1 for none
 *
 * Source of the models: Hyndman, Koehler, Ord & Snyder, "Forecasting with exponential smoothing" (2008); of STL:
 * Cleveland et al., "STL: a seasonal-trend decomposition procedure based on loess" (1990).
 */
export function ets(
  context: ArrayLike<number>,
  horizon: number,
  seasonLength: number,
  treatment: SeasonTreatment,
): QuantileForecast {
  const values = interpolate(context);
  const widening = Math.sqrt(bridgedInflation(context));
  const widened = (sds: Float64Array) => sds.map((sd) => widening * sd);
  const season = deseasonalise(values, treatment === "none" ? 1 : seasonLength);
  if (treatment === "stl" && season.seasonLength > 1) {
    const fitted = fitMstl(values, horizon, season.seasonLength);
    if (inReach(fitted, values)) return gaussianLaw(fitted.means, widened(fitted.sds));
  }
  const fitted = fitAutoEts(season.values, horizon);
  const { means, sds } = inReach(fitted, season.values) ? fitted : randomWalk(season.values, horizon);
  return gaussianLaw(
    means.map((mean, h) => mean + season.seasonAt(h + 1)),
    widened(sds),
  );
}

function inReach(fitted: Spreads | undefined, values: Float64Array): fitted is Spreads {
  return fitted !== undefined && staysInReach(fitted.means, fitted.sds, values);
}

function randomWalk(values: Float64Array, horizon: number): Spreads {
  const { means, variances } = integratedNoise(values, horizon, { d: 1, D: 0, seasonLength: 1 });
  return { means, sds: variances.map(Math.sqrt) };
}

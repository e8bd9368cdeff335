import { wanders } from "../../statistics/kpss.ts";
import { gaussianLawOf } from "../gaussian-law.ts";
import { bridgedInflation, interpolate } from "../interpolate.ts";
import type { QuantileForecast } from "../quantile-forecast.ts";
import { staysInReach } from "../reach.ts";
import { deseasonalise } from "../seasonality.ts";
import { integratedNoise, type Moments } from "./integrated-noise.ts";
import { fitArima, leastValues, type Order } from "./library.ts";

/** Seasonal terms reach so far; the fit of a longer one costs seconds to minutes. */
const LONGEST_SEASONAL_TERM = 24;

/** As declared in the family's parameters. */
export type AskedOrder = Omit<Order, "d" | "s"> & { readonly d: number | "auto" };

/**
 * ARIMA(p, d, q)(P, D, Q)_m, fitted to the context; its law is Gaussian with the variances of the fit.
 *
 * Seasonal terms count where the context has a season (see `deseasonalise`) of at most 24 steps. A longer one is taken
 * out by classical decomposition, fitted without seasonal terms, and put back. Missing values are interpolated, and the
 * variances multiplied by what that takes from them (see `bridgedInflation`).
 *
 * Where there are too few values for the orders, where the fit is not stationary, or where its forecast leaves ten times
 * the range of the context, the same differences without ARMA terms forecast: see `integratedNoise`.
 *
 * @param context      oldest step first, NaN for missing, at least one value
 * @param asked        d "auto" differences once where the context without its season wanders (KPSS test at 5 %)
 * @param seasonLength m in steps, 1 for none
 */
export function arima(
  context: ArrayLike<number>,
  horizon: number,
  asked: AskedOrder,
  seasonLength: number,
): QuantileForecast {
  const values = interpolate(context);
  const inflation = bridgedInflation(context);
  const season = deseasonalise(values, seasonLength);
  const m = season.seasonLength;
  const order = { ...asked, d: asked.d === "auto" ? differences(season.values) : asked.d };
  if (m > LONGEST_SEASONAL_TERM) {
    const { means, variances } = forecastMoments(season.values, horizon, { ...order, ...NO_SEASON });
    const restored = means.map((mean, h) => mean + season.seasonAt(h + 1));
    return gaussianLawOf({ means: restored, variances }, inflation);
  }
  const seasonal = m > 1 && order.P + order.D + order.Q > 0;
  const moments = forecastMoments(
    values,
    horizon,
    seasonal ? { ...order, s: m } : { ...order, ...NO_SEASON },
  );
  return gaussianLawOf(moments, inflation);
}

/** Of its level: smaller changes of a constant series are rounding. */
const FLAT = 1e-9;

/** Once where the series, without its season, does not return to a level (KPSS at 5 %). */
function differences(values: Float64Array): number {
  return wanders(values) ? 1 : 0;
}

const NO_SEASON = { P: 0, D: 0, Q: 0, s: 0 } as const;

function forecastMoments(values: Float64Array, horizon: number, order: Order): Moments {
  const { d, D, s } = order;
  const fallback = () => integratedNoise(values, horizon, { d, D, seasonLength: s });
  if (order.p + order.q + order.P + order.Q === 0 || values.length < leastValues(order)) return fallback();
  const { center, scale } = standard(values);
  if (!(scale > FLAT * Math.abs(center))) return fallback();
  const fitted = fitArima(
    values.map((value) => (value - center) / scale),
    horizon,
    order,
  );
  if (fitted === undefined) return fallback();
  const means = fitted.means.map((mean) => center + scale * mean);
  const variances = fitted.variances.map((variance) => variance * scale ** 2);
  return staysInReach(means, variances.map(Math.sqrt), values) ? { means, variances } : fallback();
}

function standard(values: Float64Array): { center: number; scale: number } {
  const center = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return { center, scale: Math.sqrt(squares / values.length) };
}

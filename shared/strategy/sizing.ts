import type { StrategyParameters } from "../contracts/strategy-parameters.ts";

/** −1 short, 0 flat, 1 long */
export type Side = -1 | 0 | 1;

/**
 * The side that a probability of an upward move asks for: long from the threshold on, short from 1 − threshold down
 * where the strategy may, flat between. At a threshold of one half, one half itself is flat.
 */
export function sideOf(
  probability: number,
  { confidence_threshold: threshold, sides }: Pick<StrategyParameters, "confidence_threshold" | "sides">,
): Side {
  if (probability >= threshold && probability > 0.5) return sides === "short" ? 0 : 1;
  if (1 - probability >= threshold && probability < 0.5) return sides === "long" ? 0 : -1;
  return 0;
}

/**
 * Size of a new position as a share of equity, at most `max_position`.
 *
 *     fixed        position_size
 *     volatility   volatility_target / σ                 σ: standard deviation of a year's return, from the past
 *     kelly        kelly_fraction · (p − (1 − p) / b)    p: probability that the position gains,
 *                                                        b = take_profit / stop_loss, the gain for a loss of 1; 1 where
 *                                                        one of them is off
 *
 * 0 where Kelly sees no edge, and where σ is not known yet; a σ of 0 gives `max_position`.
 *
 * @param probability that the price moves to the side of the position, in 0 … 1
 * @param volatility a year's, NaN while unknown
 * Source: J. L. Kelly, "A New Interpretation of Information Rate", Bell System Technical Journal 35 (1956), 917-926.
 */
export function sizeOf(probability: number, volatility: number, parameters: StrategyParameters): number {
  return Math.min(parameters.max_position, wantedSize(probability, volatility, parameters));
}

function wantedSize(probability: number, volatility: number, parameters: StrategyParameters): number {
  switch (parameters.sizing) {
    case "fixed":
      return parameters.position_size;
    case "volatility":
      return Number.isNaN(volatility) ? 0 : parameters.volatility_target / volatility;
    case "kelly": {
      const { stop_loss, take_profit, kelly_fraction } = parameters;
      const odds = stop_loss > 0 && take_profit > 0 ? take_profit / stop_loss : 1;
      return kelly_fraction * Math.max(0, probability - (1 - probability) / odds);
    }
  }
}

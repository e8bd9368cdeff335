import { type ForecasterSpec, stepsIn } from "../../../shared/contracts/spec.ts";
import type { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { upperBound } from "../../../shared/forecasting/context.ts";
import type { Spans } from "../../../shared/strategy/compare.ts";

/** Bars that the search and the hold-out need at least. */
const LEAST_BARS = 20;

/**
 * The bars that are traded, from `from` on or `history` back, the newest `holdout` of them held out.
 *
 * @param times [bars] ms since the epoch
 * @param warm  bars that must come before the first one
 * @throws {InvalidInputError} where one of the parts has fewer than 20 bars
 */
export function spansOf(
  times: Float64Array,
  from: string | undefined,
  warm: number,
  spec: ForecasterSpec,
  { history, holdout }: StrategySpec,
): Spans {
  const to = times.length;
  const asked = from === undefined ? to - stepsIn(history, spec) : upperBound(times, Date.parse(from) - 1);
  const first = Math.max(warm, asked);
  const split = to - stepsIn(holdout, spec);
  if (split - first < LEAST_BARS || to - split < LEAST_BARS)
    throw new InvalidInputError(
      `too few prices: ${to} bars, of which ${Math.max(0, first)} come before, ${Math.max(0, split - first)} are searched and ${to - Math.max(split, 0)} held out (strategy.holdout ${holdout}), expected at least ${LEAST_BARS} to search and to hold out`,
    );
  return { searched: { from: first, to: split }, heldOut: { from: split, to } };
}

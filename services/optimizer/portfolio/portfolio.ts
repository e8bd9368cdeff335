import { join } from "node:path";
import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import type { PortfolioReport, PortfolioRequest } from "../../../shared/contracts/strategy.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { openHistoryView } from "../../../shared/history/view.ts";
import { comparePortfolios } from "../../../shared/strategy/portfolio/compare.ts";
import { barsPerYear } from "../../../shared/strategy/time.ts";
import type { ToolParts } from "../../../shared/tool.ts";
import { historyPrices, type Prices, readPrices } from "../strategy/prices.ts";
import { spansOf } from "../strategy/spans.ts";
import { specOf } from "../strategy/specs.ts";

/**
 * Answers `retune strategy portfolio`: weights of the forecasters' series from all but the newest prices, and how they
 * did there. Costs, history, hold-out and risk-free rate are those of the first forecaster's spec. (B-RSK-1)
 *
 * @throws {InvalidInputError} for an unknown forecaster, one named twice, steps or calendars that differ, and too few
 *   prices in common
 */
export async function answerPortfolio(request: PortfolioRequest, parts: ToolParts): Promise<PortfolioReport> {
  const startedAt = performance.now();
  const history = await openHistoryView(request.history ?? join(parts.dirs.data, "history"));
  const connection = await parts.connect();
  try {
    const specs: ForecasterSpec[] = [];
    for (const forecaster of request.forecasters) specs.push(await specOf(connection.bus, forecaster));
    const [first] = specs as [ForecasterSpec];
    checkAlike(specs);
    const strategy = first.strategy ?? StrategySpec.parse({});
    const toMs = request.to === undefined ? Infinity : Date.parse(request.to);
    const prices: Prices[] = [];
    for (const spec of specs) {
      const read = await readPrices(historyPrices(history, spec, toMs), spec, { prices: {} });
      parts.say(`${spec.forecaster}: ${read.times.length} bars`);
      prices.push(read);
    }
    const { times, closes } = inCommon(prices);
    const spans = spansOf(times, request.from, 0, first, strategy);
    const { shrinkage, portfolios } = comparePortfolios(
      {
        closes,
        barsPerYear: barsPerYear(first),
        riskFreeRate: strategy.risk_free_rate,
        costs: strategy.costs,
        shrinkage: request.shrinkage,
        maxWeight: request.max_weight,
      },
      spans,
    );
    const iso = (t: number) => new Date(times[t]!).toISOString();
    return {
      forecasters: request.forecasters,
      code_version: parts.version,
      seconds: (performance.now() - startedAt) / 1000,
      from: iso(spans.searched.from),
      held_out_from: iso(spans.heldOut.from),
      to: iso(spans.heldOut.to - 1),
      bars: spans.heldOut.to - spans.searched.from,
      shrinkage,
      max_weight: request.max_weight,
      costs: strategy.costs,
      portfolios: [...portfolios],
    };
  } finally {
    await connection.drain();
  }
}

function checkAlike(specs: readonly ForecasterSpec[]): void {
  const [first] = specs as [ForecasterSpec];
  for (const [i, { forecaster, step, calendar }] of specs.entries()) {
    if (specs.findIndex((each) => each.forecaster === forecaster) !== i)
      throw new InvalidInputError(`forecaster '${forecaster}' is named twice, expected each once`);
    if (durationMs(step) !== durationMs(first.step) || calendar !== first.calendar)
      throw new InvalidInputError(
        `'${forecaster}' has steps of ${step} on calendar ${calendar}, expected ${first.step} on ${first.calendar}, as '${first.forecaster}'`,
      );
  }
}

/** Closes at the times that all have. @throws {InvalidInputError} where there are none */
function inCommon(prices: readonly Prices[]): { times: Float64Array; closes: Float64Array[] } {
  const places = prices.map(({ times }) => new Map(Array.from(times, (time, t) => [time, t])));
  const times = prices[0]!.times.filter((time) => places.every((each) => each.has(time)));
  if (times.length === 0)
    throw new InvalidInputError(
      "the series have no time in common: their steps lie at different times of day",
    );
  const closes = prices.map(({ bars }, i) =>
    Float64Array.from(times, (time) => bars.close[places[i]!.get(time)!]!),
  );
  return { times, closes };
}

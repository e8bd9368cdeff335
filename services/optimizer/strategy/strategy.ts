import { join } from "node:path";
import type { Bus } from "../../../shared/bus/bus.ts";
import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import type { StrategyReport, StrategyRequest } from "../../../shared/contracts/strategy.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { BacktestRunner } from "../../../shared/forecasting/backtest-pool.ts";
import { familyOf } from "../../../shared/forecasting/families.ts";
import { openHistoryView } from "../../../shared/history/view.ts";
import { compareStrategies } from "../../../shared/strategy/compare.ts";
import { inForce } from "../../../shared/strategy/in-force.ts";
import { bestTrial, tuneStrategy } from "../../../shared/strategy/tune.ts";
import type { ToolParts } from "../../../shared/tool.ts";
import { modelOverTime } from "./forecasts.ts";
import { forecastMarket, tallyOf } from "./market.ts";
import { historyPrices, readPrices } from "./prices.ts";
import { specOf } from "./specs.ts";

const NOTES = {
  default: "The spec has no section strategy: its defaults were used, costs included.",
  closes:
    "Open, high and low are not observed: orders are filled at the close of the next bar, exits at closes.",
  retrained:
    "The live model was trained on these prices, so models like it were trained anew on what was past.",
  pretrained: "The model file may have been made with knowledge of these prices; Retune cannot tell.",
  history: "Prices are those that the inference-buffer has on disk.",
} as const;

/**
 * Answers `retune strategy`: makes the live config's forecasts over the recorded prices again, tunes what is done with
 * them on all but the newest part, and measures it there. (B-STR-1, B-RSK-1)
 *
 * @throws {InvalidInputError} for an unknown forecaster, one of which nothing is live, and too few prices
 */
export async function answerStrategy(request: StrategyRequest, parts: ToolParts): Promise<StrategyReport> {
  const startedAt = performance.now();
  const history = await openHistoryView(request.history ?? join(parts.dirs.data, "history"));
  const connection = await parts.connect();
  const runner = new BacktestRunner();
  try {
    const { bus } = connection;
    const { version, say } = parts;
    const spec = await specOf(bus, request.forecaster);
    const { forecaster } = spec;
    const live = await liveOf(bus, forecaster);
    const strategy = inForce(spec.strategy ?? StrategySpec.parse({}), live);
    const toMs = request.to === undefined ? Infinity : Date.parse(request.to);
    const prices = await readPrices(historyPrices(history, spec, toMs), spec, strategy);
    say(`${forecaster}: ${prices.times.length} bars`);
    const model = await modelOverTime(bus, live, spec, strategy, version);
    const made = await forecastMarket(runner, model, prices, spec, strategy, {
      from: request.from,
      say: (done, total) => say(`${forecaster}: ${done} of ${total} forecasts`),
    });

    const { market, spans, times } = made;
    const trials = request.mode === "tune" ? tuneStrategy(market, spans.searched, strategy) : undefined;
    const best = trials && bestTrial(trials);
    const { strategies, isBetter, verdict } = compareStrategies(market, spans, strategy, best?.parameters);
    const isHopeless = trials !== undefined && best === undefined;
    const iso = (t: number) => new Date(times[t]!).toISOString();
    return {
      ...{ mode: request.mode, forecaster, code_version: version },
      seconds: (performance.now() - startedAt) / 1000,
      from: iso(spans.searched.from),
      held_out_from: iso(spans.heldOut.from),
      to: iso(spans.heldOut.to - 1),
      ...{ bars: made.bars, missing: made.missing, forecasts: made.forecasts, step_ahead: made.stepAhead },
      ...{ model: live.model, version: live.version },
      ...{ objective: strategy.objective, max_drawdown: strategy.max_drawdown, costs: strategy.costs },
      trials: trials === undefined ? null : tallyOf(made, strategy, trials, best),
      strategies: [...strategies],
      is_better: isHopeless ? false : isBetter,
      verdict: isHopeless ? "no trial was feasible" : verdict,
      notes: await notesOf(spec, strategy, live),
    };
  } finally {
    await runner.close();
    await connection.drain();
  }
}

async function liveOf(bus: Bus, forecaster: string): Promise<LiveConfig> {
  const live = await bus.kv("live-configs", LiveConfig).get(forecaster);
  if (live !== undefined) return live.value;
  throw new InvalidInputError(
    `nothing is live for '${forecaster}' yet: expected a deployed model, see 'retune request ${forecaster}'`,
  );
}

async function notesOf(spec: ForecasterSpec, { prices }: StrategySpec, live: LiveConfig): Promise<string[]> {
  const { artifact } = await familyOf(live.model);
  return [
    NOTES.history,
    ...(spec.strategy === undefined ? [NOTES.default] : []),
    ...(Object.keys(prices).length === 0 ? [NOTES.closes] : []),
    ...(artifact === "trained" ? [NOTES.retrained] : artifact === "file" ? [NOTES.pretrained] : []),
  ];
}

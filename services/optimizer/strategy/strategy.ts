import { join } from "node:path";
import type { Bus } from "../../../shared/bus/bus.ts";
import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { type ForecasterSpec, horizonSteps, stepsIn } from "../../../shared/contracts/spec.ts";
import { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import type { StrategyReport, StrategyRequest } from "../../../shared/contracts/strategy.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { familyOf } from "../../../shared/forecasting/families.ts";
import { openHistoryView } from "../../../shared/history/view.ts";
import { hasPrice } from "../../../shared/strategy/bars.ts";
import { compareStrategies, searchLuck } from "../../../shared/strategy/compare.ts";
import { bestTrial, type StrategyTrial, tuneStrategy } from "../../../shared/strategy/tune.ts";
import type { ToolParts } from "../../../shared/tool.ts";
import { riseProbabilities } from "./forecasts.ts";
import { modelsOverTime } from "./models.ts";
import { readPrices } from "./prices.ts";
import { barsPerYear, spansOf } from "./spans.ts";
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
  try {
    const { bus } = connection;
    const spec = await specOf(bus, request.forecaster);
    const live = await liveOf(bus, request.forecaster);
    const strategy = spec.strategy ?? StrategySpec.parse({});
    const toMs = request.to === undefined ? Infinity : Date.parse(request.to);
    const prices = await readPrices(history, spec, strategy, toMs);
    // A whole context comes first, or a quarter of the prices where that is less.
    const warm = Math.min(Math.floor(prices.times.length / 4), live.context_length);
    const spans = spansOf(prices.times, request.from, warm, spec, strategy);
    parts.say(`${spec.forecaster}: ${spans.heldOut.to - spans.searched.from} bars`);

    const models = await modelsOverTime({ bus }, live, spec, prices, stepsIn(strategy.retrain, spec));
    const stepAhead = strategy.step_ahead ?? horizonSteps(spec);
    const plan = { from: spans.searched.from, every: strategy.every, stepAhead };
    const probability = await riseProbabilities(models, prices, live, spec, plan, (done, total) =>
      parts.say(`${spec.forecaster}: ${done} of ${total} forecasts`),
    ).finally(() => models.release());

    const market = { bars: prices.bars, probability, barsPerYear: barsPerYear(spec) };
    const trials = request.mode === "tune" ? tuneStrategy(market, spans.searched, strategy) : undefined;
    const best = trials === undefined ? undefined : bestTrial(trials);
    const luck =
      trials === undefined || best === undefined
        ? null
        : searchLuck(market, spans.searched, strategy, trials, best);
    const { strategies, isBetter, verdict } = compareStrategies(market, spans, strategy, best?.parameters);
    const iso = (t: number) => new Date(prices.times[t]!).toISOString();
    const { from } = spans.searched;
    const { to } = spans.heldOut;
    return {
      mode: request.mode,
      forecaster: spec.forecaster,
      code_version: parts.version,
      seconds: (performance.now() - startedAt) / 1000,
      from: iso(from),
      held_out_from: iso(spans.heldOut.from),
      to: iso(to - 1),
      bars: to - from,
      missing: Array.from({ length: to - from }, (_, i) => from + i).filter((t) => !hasPrice(prices.bars, t))
        .length,
      forecasts: probability.filter((each) => !Number.isNaN(each)).length,
      step_ahead: stepAhead,
      model: live.model,
      version: live.version,
      objective: strategy.objective,
      max_drawdown: strategy.max_drawdown,
      costs: strategy.costs,
      trials: trials === undefined ? null : { ...tally(trials), deflated_sharpe: luck },
      strategies: [...strategies],
      is_better: trials !== undefined && best === undefined ? false : isBetter,
      verdict: trials !== undefined && best === undefined ? "no trial was feasible" : verdict,
      notes: await notesOf(spec, strategy, live),
    };
  } finally {
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

function tally(trials: readonly StrategyTrial[]): { total: number; feasible: number; reasons: string[] } {
  const reasons = trials.flatMap(({ infeasible }) => (infeasible === null ? [] : [infeasible]));
  return {
    total: trials.length,
    feasible: trials.length - reasons.length,
    reasons: firstOfEachKind(reasons),
  };
}

/** Reasons that differ in more than their figures. */
function firstOfEachKind(reasons: readonly string[]): string[] {
  const kinds = Map.groupBy(reasons, (reason) => reason.replaceAll(/[\d.]+/g, "#"));
  return [...kinds.values()].map(([first]) => first!);
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

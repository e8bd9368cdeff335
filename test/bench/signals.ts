/** Trading signals on hourly Bitcoin, retraining after retraining, and how fast a strategy is backtested. */
import { TradingCosts } from "../../shared/contracts/spec-strategy.ts";
import { StrategyParameters } from "../../shared/contracts/strategy-parameters.ts";
import { bitcoin } from "../../shared/forecasting/signal/bitcoin.fixture.ts";
import { signalMeasures } from "../../shared/forecasting/signal/measures.ts";
import {
  type SignalTraining,
  signalProbabilities,
  type TrainedSignal,
  trainSignal,
} from "../../shared/forecasting/signal/pipeline.ts";
import { validateSignal } from "../../shared/forecasting/signal/validate.ts";
import { backtestStrategy } from "../../shared/strategy/backtest.ts";
import { randomSignals, randomWalk } from "../../shared/strategy/market.fixture.ts";
import type { BenchResult } from "./result.ts";

const TRAINING: SignalTraining = {
  ...{ folds: 3, trials: 6, sampler: "random" },
  ...{ validationRows: 48, horizon: 1, seed: 1 },
};
const TRAIN_DAYS = 28;
const HELD_OUT_DAYS = 10;
const BARS = 10_000;
const BACKTESTS = 50;

/**
 * Every four weeks a model is trained on the last four and judged beside the live one on the ten days after, which
 * neither has seen; it goes live where it is approved.
 */
export async function run(): Promise<BenchResult[]> {
  return [...retrainings(), backtestSpeed()];
}

function retrainings(): BenchResult[] {
  const btc = bitcoin();
  if (btc === undefined) {
    console.log("  no public series at hand: signals are left out");
    return [];
  }
  let live: TrainedSignal | undefined;
  let approved = 0;
  const seconds: number[] = [];
  const [own, before]: [number[], number[]] = [[], []];
  for (let day = 4; day + TRAIN_DAYS + HELD_OUT_DAYS <= btc.days; day += TRAIN_DAYS) {
    const startedAt = performance.now();
    const model = trainSignal(btc.rowsOf(day, day + TRAIN_DAYS), TRAINING);
    seconds.push((performance.now() - startedAt) / 1000);
    const held = btc.rowsOf(day + TRAIN_DAYS, day + TRAIN_DAYS + HELD_OUT_DAYS);
    const { accuracy } = signalMeasures(held.labels, signalProbabilities(model, held.table));
    if (live === undefined) {
      console.log(
        `  day ${day + TRAIN_DAYS}: first model, accuracy ${accuracy.toFixed(3)}: ${model.features.join(", ")}`,
      );
      live = model;
      continue;
    }
    const verdict = validateSignal(model, live, held, { significance: 0.05, seed: 1 });
    own.push(verdict.candidate.accuracy);
    before.push(verdict.live.accuracy);
    console.log(
      `  day ${day + TRAIN_DAYS}: accuracy ${accuracy.toFixed(3)}, live ${verdict.live.accuracy.toFixed(3)}, p ${verdict.p_value?.toFixed(3)}, ${verdict.approved ? "approved" : "not approved"}: ${model.features.join(", ")}`,
    );
    if (verdict.approved) {
      approved += 1;
      live = model;
    }
  }
  return [
    { name: "accuracy of new models on the ten days after", value: mean(own), unit: "" },
    { name: "accuracy of the live model on the same days", value: mean(before), unit: "" },
    { name: `retrainings of ${own.length} that were approved`, value: approved, unit: "" },
    { name: "features, parameters and training on 28 days of hours", value: mean(seconds), unit: "s" },
  ];
}

function backtestSpeed(): BenchResult {
  const market = { bars: randomWalk(1, BARS), probability: randomSignals(1, BARS), barsPerYear: 8_766 };
  const parameters = StrategyParameters.parse({ sides: "both", stop_loss: 0.02, take_profit: 0.03 });
  const costs = TradingCosts.parse({});
  backtestStrategy(market, parameters, costs);
  const startedAt = performance.now();
  for (let i = 0; i < BACKTESTS; i += 1) backtestStrategy(market, parameters, costs);
  const each = (performance.now() - startedAt) / BACKTESTS;
  return { name: `a strategy's backtest on ${BARS} bars`, value: each, unit: "ms" };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

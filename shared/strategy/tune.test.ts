import { describe, expect, it } from "vitest";
import { StrategySpec } from "../contracts/spec-strategy.ts";
import { uniform } from "../forecasting/random.ts";
import type { Market } from "./backtest.ts";
import { compareStrategies, searchLuck } from "./compare.ts";
import { deflatedSharpe, shapeOf } from "./deflated-sharpe.ts";
import { gaussian, randomSignals, randomWalk } from "./market.fixture.ts";
import { probabilityAbove } from "./signal.ts";
import { strategySpace } from "./space.ts";
import { superiorityPValue } from "./superiority.ts";
import { bestTrial, tuneStrategy } from "./tune.ts";

const COUNT = 900;
const SPANS = { searched: { from: 0, to: 600 }, heldOut: { from: 600, to: COUNT } };

/** A market whose next bar's direction the signals know with probability 0.85 where they are sure, and not else. */
function informedMarket(seed: number): Market {
  const bars = randomWalk(seed, COUNT);
  const probability = Float64Array.from({ length: COUNT }, (_, t) => {
    if (t + 1 >= COUNT) return Number.NaN;
    const isUp = bars.close[t + 1]! > bars.open[t + 1]!;
    const isSure = uniform(seed, t, 20) < 0.3;
    const isRight = uniform(seed, t, 21) < 0.85;
    if (!isSure) return 0.4 + 0.2 * uniform(seed, t, 22);
    return isUp === isRight ? 0.85 : 0.15;
  });
  return { bars, probability, barsPerYear: 252 };
}

function spec(given: object = {}): StrategySpec {
  return StrategySpec.parse({
    costs: { fee_bps: 5, spread_bps: 2, slippage_bps: 1 },
    parameters: { sides: "both", confidence_threshold: 0.5 },
    space: { confidence_threshold: { min: 0.5, max: 0.95 } },
    max_drawdown: 0.5,
    trials: 40,
    ...given,
  });
}

describe("tuning a strategy (B-STR-1)", () => {
  const market = informedMarket(4);

  it("finds the confidence from which the signals are worth their costs, and that holds on bars it did not see", () => {
    const trials = tuneStrategy(market, SPANS.searched, spec());
    const best = bestTrial(trials)!;
    expect(trials).toHaveLength(40);
    expect(best.parameters.confidence_threshold).toBeGreaterThan(0.6);
    expect(best.parameters.confidence_threshold).toBeLessThanOrEqual(0.85);
    const { strategies, isBetter } = compareStrategies(market, SPANS, spec(), best.parameters);
    expect(strategies.map(({ name }) => name)).toEqual(["tuned", "present", "buy-and-hold", "flat"]);
    expect(isBetter).toBe(true);
    expect(strategies[3]!.p_value).toBeLessThan(0.05);
    expect(searchLuck(market, SPANS.searched, spec(), trials, best)).toBeGreaterThan(0.9);
  });

  it("tries the parameters in force first", () => {
    const [first] = tuneStrategy(market, SPANS.searched, spec({ trials: 1 }));
    expect(first!.parameters).toEqual(spec().parameters);
  });

  it("never looks at a bar after its span", () => {
    const other = informedMarket(5);
    const cut = (own: Float64Array, their: Float64Array) =>
      own.map((each, t) => (t < 600 ? each : their[t]!));
    const changed = {
      ...market,
      probability: cut(market.probability, other.probability),
      bars: {
        open: cut(market.bars.open, other.bars.open),
        high: cut(market.bars.high, other.bars.high),
        low: cut(market.bars.low, other.bars.low),
        close: cut(market.bars.close, other.bars.close),
      },
    };
    const play = (each: Market) => tuneStrategy(each, SPANS.searched, spec({ trials: 12 }));
    expect(play(changed)).toEqual(play(market));
  });

  it("calls what is found on noise no better, or luck", () => {
    const verdicts = [1, 2, 3, 4, 5, 6].map((seed) => {
      const noise = {
        bars: randomWalk(70 + seed, COUNT),
        probability: randomSignals(seed, COUNT),
        barsPerYear: 252,
      };
      const trials = tuneStrategy(noise, SPANS.searched, spec());
      const best = bestTrial(trials);
      if (best === undefined) return false;
      const { isBetter, strategies } = compareStrategies(noise, SPANS, spec(), best.parameters);
      const p = strategies.find(({ name }) => name === "flat")!.p_value!;
      return isBetter === true && p < 0.05;
    });
    expect(verdicts.filter(Boolean).length).toBeLessThanOrEqual(1);
  });

  it("chooses nothing where every strategy draws down too far (B-RSK-1)", () => {
    const trials = tuneStrategy(market, SPANS.searched, spec({ max_drawdown: 0.001, trials: 10 }));
    expect(bestTrial(trials)).toBeUndefined();
    expect(trials[0]!.objective).toBe(Infinity);
    expect(trials[0]!.infeasible).toMatch(/maximum drawdown .* %, allowed 0.1 %/);
  });

  it("keeps the drawdown of the chosen one within the limit (B-RSK-1)", () => {
    const limited = spec({
      max_drawdown: 0.06,
      space: {
        confidence_threshold: { min: 0.5, max: 0.95 },
        position_size: [0.1, 0.25, 0.5, 1],
        stop_loss: [0, 0.01, 0.02],
      },
    });
    const best = bestTrial(tuneStrategy(market, SPANS.searched, limited))!;
    expect(best.metrics.max_drawdown).toBeLessThanOrEqual(0.06);
  });

  it("searches a parameter of a sizing beside that sizing alone", () => {
    const varied = spec({
      space: { sizing: ["fixed", "kelly"], kelly_fraction: [0.1, 0.5], position_size: { min: 0.1, max: 1 } },
    });
    const names = strategySpace(varied).dimensions.map(({ name, when }) => [name, when]);
    expect(names).toContainEqual(["kelly_fraction", { sizing: ["kelly"] }]);
    expect(names).toContainEqual(["position_size", { sizing: ["fixed"] }]);
    expect(() => strategySpace(spec({ space: { kelly_fraction: [0.1] } }))).toThrow(
      /strategy.space.kelly_fraction: sizing is fixed and ignores it/,
    );
  });

  it("tries every point of a grid", () => {
    const grid = spec({
      sampler: "grid",
      space: { confidence_threshold: [0.5, 0.6, 0.7], stop_loss: [0, 0.01], take_profit: [0] },
    });
    expect(tuneStrategy(market, SPANS.searched, grid)).toHaveLength(6);
  });
});

describe("comparing strategies (B-STR-1)", () => {
  it("without a tuned one measures the present one and the references", () => {
    const { strategies, isBetter } = compareStrategies(informedMarket(4), SPANS, spec(), undefined);
    expect(isBetter).toBeNull();
    expect(strategies.map(({ name, p_value }) => [name, p_value])).toEqual([
      ["present", null],
      ["buy-and-hold", null],
      ["flat", null],
    ]);
    expect(strategies[2]).toMatchObject({
      objective: 0,
      infeasible: null,
      held_out: { trades: 0, total_return: 0 },
    });
  });

  it("says why a strategy that broke the drawdown on the held-out bars is not better", () => {
    const { isBetter, verdict } = compareStrategies(
      informedMarket(4),
      SPANS,
      spec({ max_drawdown: 0.0001 }),
      spec().parameters,
    );
    expect(isBetter).toBe(false);
    expect(verdict).toMatch(/not on the held-out bars: maximum drawdown/);
  });
});

describe("the luck of a search (B-STR-1)", () => {
  it("is the paper's example: 0.9004 of 100 trials, 0.9505 of 46", () => {
    const evidence = {
      sharpe: 2.5 / Math.sqrt(250),
      count: 1250,
      skewness: -3,
      kurtosis: 10,
      variance: 0.5 / 250,
    };
    expect(deflatedSharpe({ ...evidence, trials: 100 })).toBeCloseTo(0.9004, 3);
    expect(deflatedSharpe({ ...evidence, trials: 46 })).toBeCloseTo(0.9505, 3);
  });

  it("cannot be told of one return or of returns that do not vary", () => {
    expect(shapeOf(Float64Array.of(0, 0, 0))).toBeNull();
    const evidence = { sharpe: 1, count: 1, skewness: 0, kurtosis: 3, trials: 1, variance: 0 };
    expect(deflatedSharpe(evidence)).toBeNull();
  });
});

describe("the chance that a higher return is luck (B-STR-1)", () => {
  const draw = (seed: number, mean: number) =>
    Float64Array.from({ length: 250 }, (_, t) => mean + 0.01 * gaussian(seed, t));

  it.each<[string, Float64Array, Float64Array, (p: number | null) => boolean]>([
    ["small for a clear lead", draw(1, 0.003), draw(2, 0), (p) => p! < 0.01],
    ["large for the one behind", draw(2, 0), draw(1, 0.003), (p) => p! > 0.9],
    ["1 for equals", draw(1, 0), draw(1, 0), (p) => p === 1],
    ["unknown for 7 bars", draw(1, 0).subarray(0, 7), draw(2, 0).subarray(0, 7), (p) => p === null],
  ])("is %s", (_name, first, second, holds) => {
    expect(superiorityPValue(first, second, 1)).toSatisfy(holds);
  });
});

describe("the probability of a rise in a forecast's quantiles (B-STR-1)", () => {
  const levels = [0.1, 0.3, 0.5, 0.7, 0.9];
  const values = [90, 96, 100, 104, 110];

  it.each<[number, number, number]>([
    [100, 0.5, 9],
    [104, 0.3, 9],
    [93, 0.8, 9],
    // A Gaussian tail through the median and the edge: Φ(1.2816 · 20 / 10) of 120.
    [120, 0.00518, 4],
    [80, 0.99482, 4],
  ])("above %d is %d", (price, probability, digits) => {
    expect(probabilityAbove(price, levels, values)).toBeCloseTo(probability, digits);
  });

  it.each<[string, number, readonly number[], number]>([
    ["a forecast of one value above the price", 1, [2, 2, 2, 2, 2], 1],
    ["one below it", 3, [2, 2, 2, 2, 2], 0],
    ["the price itself", 2, [2, 2, 2, 2, 2], 0.5],
    ["no price", Number.NaN, [1, 2, 3, 4, 5], Number.NaN],
    ["a quantile that is no number", 2, [1, 2, Number.NaN, 4, 5], Number.NaN],
  ])("of %s", (_name, price, given, probability) => {
    expect(probabilityAbove(price, levels, given)).toBe(probability);
  });
});

import { describe, expect, it } from "vitest";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { Candidate, Searched } from "../../shared/contracts/optimizer.ts";
import { StrategyParameters } from "../../shared/contracts/strategy-parameters.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { packMarket } from "../../shared/history/market.ts";
import { gaussian } from "../../shared/strategy/market.fixture.ts";
import { applySpec, findCandidate, goLive, splitAt, verdictOf } from "./validate.fixture.ts";
import { dataset, people, useValidator } from "./validator.fixture.ts";

const BARS = 400;
const SEARCHED = 280;
const START_MS = Date.parse("2024-01-01T00:00:00Z");

const model: Candidate = {
  ...{ context_length: 60, num_samples: 50, temperature: 1 },
  ...{ model: "last-value", artifact: null },
};
/** What is foretold comes true with the confidence that it is foretold with, only above this one. */
const SURE = 0.8;
const careful = StrategyParameters.parse({ sides: "both", confidence_threshold: SURE });
const present = StrategyParameters.parse({ sides: "both", confidence_threshold: 0.5 });

useValidator(async ({ bus }) => bus.artifacts.put(await packMarket(market())));

/** Sure forecasts are right, unsure ones are noise: each tells of the bar after the next, which a decision trades. */
function market() {
  const times = Float64Array.from({ length: BARS }, (_, t) => START_MS + t * 86_400_000);
  const close = new Float64Array(BARS);
  const probability = new Float64Array(BARS);
  let price = 100;
  for (let t = 0; t < BARS; t += 1) {
    const sure = t % 4 < 2;
    const up = gaussian(3, t - (t % 2)) > 0;
    // Of four bars the first two were told of by the two before.
    const told = gaussian(3, t - 2 - ((t - 2) % 2)) > 0;
    const move = t % 4 >= 2 ? (told ? 0.01 : -0.01) : 0.01 * gaussian(5, t);
    price *= Math.exp(move);
    close[t] = price;
    probability[t] = sure ? (up ? 0.9 : 0.1) : 0.5 + 0.15 * Math.sign(gaussian(7, t));
  }
  return { times, open: close, high: close, low: close, close, probability };
}

const strategySpec = {
  ...{ parameters: present, costs: { fee_bps: 0, spread_bps: 0, slippage_bps: 0 } },
  max_drawdown: 0.9,
};

async function judge(
  forecaster: string,
  tuned: StrategyParameters,
  {
    spec = {},
    live = {},
    searched = {},
  }: { spec?: object; live?: Partial<LiveConfig>; searched?: Partial<Searched> } = {},
) {
  await applySpec(people, forecaster, { strategy: strategySpec, ...spec });
  const revision = await goLive(people, forecaster, { ...model, ...live }, 3);
  const { run, sequence } = await findCandidate(people, forecaster, { ...model, strategy: tuned }, dataset, {
    ...{ action: "strategy", metrics: null, split: splitAt(SEARCHED, BARS) },
    ...searched,
  });
  const { step, event } = await verdictOf(people, forecaster, run);
  return { revision, sequence, step, report: Validated.parse(event.data) };
}

describe("a strategy against the one in force (B-STR-1, A-VAL-7)", () => {
  it("is approved when it earns more on the prices its search never saw, with the figures of all", async () => {
    const { step, report, revision, sequence } = await judge("better", careful);
    expect(report.reasons.join("; ")).toMatch(/^sharpe on the held-out prices/);
    expect(step).toBe("approved");
    expect(report).toMatchObject({
      ...{ approved: true, first_deployment: false, champion_revision: revision, caused_by: [sequence] },
      ...{ candidate: { ...model, strategy: careful }, champion: { ...model, version: 3 } },
      ...{ candidate_metrics: null, champion_metrics: null, next_stage: "deployment" },
    });
    expect(report.strategies!.map(({ name }) => name)).toEqual(["tuned", "present", "buy-and-hold", "flat"]);
    expect(report.strategies![0]!.held_out.returns).toBe(BARS - SEARCHED - 1);
  });

  it("is rejected when it does not, with the reasons", async () => {
    const noisy = { ...careful, confidence_threshold: 0.6 };
    const { step, report } = await judge("worse", noisy, { live: { strategy: careful } });
    expect(step).toBe("rejected");
    expect(report.champion!.strategy).toEqual(careful);
    expect(report.criteria.find(({ name }) => name === "improvement")!.passed).toBe(false);
  });

  it("is not shadowed, as its forecasts are those of the live config, and is held for a person where asked", async () => {
    const spec = { shadow: { enabled: true }, validation: { approval: "manual" } };
    const { step, report } = await judge("held", careful, { spec });
    expect(step).toBe("held");
    expect(report.next_stage).toBe("deployment");
  });

  it.each<[string, Parameters<typeof judge>[2], RegExp]>([
    [
      "is the one in force",
      { live: { strategy: careful } },
      /the one in force: deploying it would change nothing/,
    ],
    [
      "was tuned on another model's forecasts",
      { live: { context_length: 90 } },
      /live config is not the one/,
    ],
    [
      "has no section in the spec any more",
      { spec: { strategy: undefined } },
      /no section strategy any more/,
    ],
    ["does not say what it saw", { searched: { split: undefined } }, /does not say which prices/],
  ])("is rejected where it %s", async (what, given, reason) => {
    const { step, report } = await judge(what.replaceAll(/[^a-z]+/g, "-"), careful, given);
    expect(step).toBe("rejected");
    expect(report.reasons.join()).toMatch(reason);
  });

  it("is rejected where its prices are no such file", async () => {
    const broken = await people.bus.artifacts.put(Buffer.from("no parquet"));
    const { step, report } = await judge("broken", careful, { searched: { dataset: broken } });
    expect(step).toBe("rejected");
    expect(report.reasons.join()).toMatch(/is no Parquet file with columns ts, open/);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { PortfolioReport, type PortfolioRequest } from "../../../shared/contracts/strategy.ts";
import { type TestContext, testContext } from "../../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import { coinBars, coinSpec, recordPrices, type SpecInput } from "../strategy/strategy.fixture.ts";
import { answerPortfolio } from "./portfolio.ts";

const HOURS = 30 * 24;
const METRICS = ["calm", "wild", "wilder"] as const;

let nats: TestNats;
let context: TestContext;
beforeAll(async () => {
  nats = await startTestNats();
  context = await testContext(nats);
  // Three coins in one series, a metric each; the second moves four times and the third eight times as much.
  const [calm, wild, wilder] = [1, 2, 3].map((seed) =>
    coinBars(HOURS, 0, seed).map(({ close }) => close / 100),
  );
  const rows = calm!.map((price, t) => ({ calm: price, wild: wild![t]! ** 4, wilder: wilder![t]! ** 8 }));
  await recordPrices(context.dirs.data, rows);
}, 60_000);
afterAll(async () => {
  await context?.[Symbol.asyncDispose]();
  await nats?.stop();
});
beforeEach(async () => {
  for (const metric of METRICS) await put(metric);
});

async function put(metric: string, over: Partial<SpecInput> = {}): Promise<void> {
  const strategy = { holdout: "10d", costs: { fee_bps: 0, spread_bps: 0, slippage_bps: 0 } };
  const spec = coinSpec({ forecaster: metric, metric, strategy, ...over });
  await context.bus.kv("specs", ForecasterSpec).put(metric, spec);
}

function ask(over: Partial<PortfolioRequest> = {}): Promise<PortfolioReport> {
  const connection = { bus: context.bus, drain: async () => {} };
  const request: PortfolioRequest = {
    forecasters: [...METRICS],
    max_weight: 1,
    shrinkage: "constant-correlation",
    ...over,
  };
  return answerPortfolio(request, {
    dirs: context.dirs,
    version: "test",
    connect: async () => connection as never,
    say: () => {},
  });
}

describe("retune strategy portfolio (B-RSK-1)", { timeout: 60_000 }, () => {
  it("puts most into what moves least, and measures it on prices that the weights are not from", async () => {
    const report = PortfolioReport.parse(await ask());
    expect(report).toMatchObject({ bars: HOURS, forecasters: [...METRICS] });
    const by = new Map(report.portfolios.map((each) => [each.method, each]));
    const [calm, wild, wilder] = by.get("minimum-variance")!.weights!;
    expect(calm).toBeGreaterThan(0.9);
    const parity = by.get("risk-parity")!.weights!;
    expect(parity[0]! / parity[1]!).toBeCloseTo(4, 0);
    expect(parity[0]! / parity[2]!).toBeCloseTo(8, -0.5);
    expect(calm! + wild! + wilder!).toBeCloseTo(1, 9);
    const volatility = (method: (typeof report.portfolios)[number]["method"]) =>
      by.get(method)!.held_out!.annualised_volatility!;
    expect(volatility("minimum-variance")).toBeLessThan(volatility("risk-parity"));
    expect(volatility("risk-parity")).toBeLessThan(volatility("equal"));
    expect(await ask()).toEqual({ ...report, seconds: expect.any(Number) });
  });

  it("keeps to a largest weight", async () => {
    const { portfolios } = await ask({ max_weight: 0.5 });
    for (const { weights } of portfolios)
      if (weights !== null) expect(Math.max(...weights)).toBeLessThanOrEqual(0.5);
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ["a series twice", () => ask({ forecasters: ["calm", "calm"] }), /'calm' is named twice/],
    ["nobody's series", () => ask({ forecasters: ["calm", "nobody"] }), /no forecaster is called 'nobody'/],
    ["weights too small to add up", () => ask({ max_weight: 0.2 }), /at least 1 \/ 3/],
    ["too short a past", () => ask({ from: "2025-01-25T20:00:00Z" }), /too few prices/],
    [
      "other steps",
      async () => {
        await put("wild", { step: "2h" });
        return ask();
      },
      /'wild' has steps of 2h on calendar all, expected 1h/,
    ],
  ])("refuses %s", async (_name, act, message) => {
    await expect(act()).rejects.toThrow(message);
  });
});

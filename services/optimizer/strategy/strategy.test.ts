import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { StrategyReport, type StrategyRequest } from "../../../shared/contracts/strategy.ts";
import { type TestContext, testContext } from "../../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import {
  coinBars,
  coinLive,
  coinSpec,
  FORECASTER,
  HOUR_MS,
  recordPrices,
  START_MS,
} from "./strategy.fixture.ts";
import { answerStrategy } from "./strategy.ts";

const HOURS = 40 * 24;

let nats: TestNats;
let context: TestContext;
beforeAll(async () => {
  nats = await startTestNats();
}, 60_000);
afterAll(() => nats?.stop());
beforeEach(async () => {
  context = await testContext(nats);
});
afterEach(() => context[Symbol.asyncDispose]());

async function put(spec = coinSpec(), live: LiveConfig | undefined = coinLive()): Promise<void> {
  await context.bus.kv("specs", ForecasterSpec).put(FORECASTER, spec);
  if (live !== undefined) await context.bus.kv("live-configs", LiveConfig).put(FORECASTER, live);
}

function ask(over: Partial<StrategyRequest> = {}, said: string[] = []): Promise<StrategyReport> {
  const connection = { bus: context.bus, drain: async () => {} };
  const parts = {
    dirs: context.dirs,
    version: "test",
    connect: async () => connection as never,
    say: (line: string) => said.push(line),
  };
  return answerStrategy({ mode: "tune", forecaster: FORECASTER, ...over }, parts);
}

const timeOf = (hour: number) => new Date(START_MS + hour * HOUR_MS).toISOString();

describe("retune strategy (B-STR-1, B-RSK-1)", { timeout: 60_000 }, () => {
  it("tunes what is done with the live config's forecasts and measures it on prices it did not see", async () => {
    await put();
    await recordPrices(context.dirs.data, coinBars(HOURS));
    const said: string[] = [];
    const report = StrategyReport.parse(await ask({}, said));
    expect(report).toMatchObject({
      ...{ from: timeOf(96), held_out_from: timeOf(30 * 24), to: timeOf(HOURS - 1) },
      // After the last bar nothing could be traded, so nothing is forecast at it.
      ...{ bars: HOURS - 96, missing: 0, forecasts: HOURS - 97, step_ahead: 6 },
      ...{ model: "seasonal-naive", version: 3, objective: "sharpe", is_better: true },
    });
    const [tuned, present, hold, flat] = report.strategies;
    expect([tuned, present, hold, flat].map((each) => each!.name)).toEqual([
      "tuned",
      "present",
      "buy-and-hold",
      "flat",
    ]);
    expect(tuned!.objective).toBeGreaterThan(Math.max(present!.objective!, hold!.objective!, 0));
    expect(tuned!.held_out.max_drawdown).toBeLessThanOrEqual(report.max_drawdown);
    expect(hold!.held_out.trades).toBe(1);
    expect(flat!.held_out.total_return).toBe(0);
    expect(report.trials).toMatchObject({ total: 30 });
    expect(said.at(-1)).toBe(`${FORECASTER}: ${HOURS - 97} of ${HOURS - 97} forecasts`);
    expect(await ask()).toEqual({ ...report, seconds: expect.any(Number) });
  });

  it("answers in a process of its own", async () => {
    await put();
    const history = await recordPrices(context.dirs.data, coinBars(HOURS));
    const request: StrategyRequest = { mode: "compare", forecaster: FORECASTER, history };
    const main = join(import.meta.dirname, "main.ts");
    const child = spawn(process.execPath, [main], { env: { ...process.env, NATS_URL: nats.url } });
    child.stdin.end(JSON.stringify(request));
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit"),
    ]);
    expect(code, err).toBe(0);
    expect(StrategyReport.parse(JSON.parse(out))).toMatchObject({ mode: "compare", forecasts: HOURS - 97 });
  });

  it("compares without a search", async () => {
    await put();
    await recordPrices(context.dirs.data, coinBars(HOURS));
    const report = await ask({ mode: "compare" });
    expect(report).toMatchObject({ trials: null, is_better: null, verdict: "nothing was tuned" });
    expect(report.strategies.map(({ name }) => name)).toEqual(["present", "buy-and-hold", "flat"]);
  });

  it.each(["seasonal-naive", "linear"] as const)(
    "is decided by nothing later than --to: %s",
    async (family) => {
      const artifact = family === "linear" ? `sha256-${"0".repeat(64)}` : null;
      await put(coinSpec({ model: { family } }), coinLive({ model: family, artifact }));
      const to = timeOf(35 * 24);
      const whole = coinBars(HOURS);
      await recordPrices(context.dirs.data, whole);
      const first = await ask({ to });
      await recordPrices(join(context.dirs.data, "other"), [
        ...whole.slice(0, 35 * 24 + 1),
        ...coinBars(5 * 24, 0, 9),
      ]);
      const second = await ask({ to, history: join(context.dirs.data, "other", "history") });
      expect({ ...second, seconds: 0 }).toEqual({ ...first, seconds: 0 });
      expect(first.to).toBe(to);
    },
  );

  it("trades closes alone where nothing else is observed, over gaps", async () => {
    await put(coinSpec({ strategy: { holdout: "10d", trials: 5, min_trades: 1 } }));
    const rows = coinBars(HOURS).map(
      ({ close }, t): Record<string, number> => (t % 50 === 7 ? { other: 1 } : { close }),
    );
    await recordPrices(context.dirs.data, rows);
    const report = await ask();
    expect(report.missing).toBe(
      Array.from({ length: HOURS - 96 }, (_, i) => i + 96).filter((t) => t % 50 === 7).length,
    );
    expect(report.forecasts).toBe(report.bars - report.missing - 1);
    expect(report.notes.join(" ")).toContain("Open, high and low are not observed");
  });

  it("trains a trained family anew on the past, not on what it is tried on", async () => {
    await put(
      coinSpec({
        model: { family: "linear" },
        strategy: { holdout: "10d", trials: 5, retrain: "10d", min_trades: 1 },
      }),
      coinLive({ model: "linear", artifact: `sha256-${"0".repeat(64)}` }),
    );
    await recordPrices(context.dirs.data, coinBars(HOURS));
    const report = await ask({ from: timeOf(20 * 24) });
    expect(report).toMatchObject({ model: "linear", forecasts: 20 * 24 - 1, from: timeOf(20 * 24) });
    expect(report.notes.join(" ")).toContain("trained anew on what was past");
  });

  it("finds no candidate where every strategy breaks the drawdown, and says so (B-RSK-1)", async () => {
    await put(coinSpec({ strategy: { max_drawdown: 1e-6, trials: 5, holdout: "10d" } }));
    await recordPrices(context.dirs.data, coinBars(HOURS));
    const report = await ask();
    expect(report).toMatchObject({ is_better: false, verdict: "no trial was feasible" });
    expect(report.trials!.feasible).toBe(0);
    expect(report.trials!.reasons[0]).toMatch(/maximum drawdown/);
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "an unknown forecaster",
      () => ask({ forecaster: "nobody" }),
      /no forecaster is called 'nobody'; known: .*coin-6h/,
    ],
    [
      "too few prices",
      () => ask({ from: timeOf(HOURS - 50) }),
      /too few prices: .* held out \(strategy.holdout 10d\), expected at least 20/,
    ],
    ["a time before all prices", () => ask({ to: "2020-01-01T00:00:00Z" }), /has no price of series 'coin'/],
  ])("refuses %s", async (_name, act, message) => {
    await put();
    await recordPrices(context.dirs.data, coinBars(HOURS));
    await expect(act()).rejects.toThrow(message);
  });

  it("refuses a forecaster of which nothing is live", async () => {
    await context.bus.kv("specs", ForecasterSpec).put("new", coinSpec({ forecaster: "new" }));
    await recordPrices(context.dirs.data, coinBars(60));
    await expect(ask({ forecaster: "new" })).rejects.toThrow(/nothing is live for 'new' yet/);
  });

  it("refuses a step beyond the horizon and a price that nobody observes", async () => {
    await put(coinSpec({ strategy: { step_ahead: 7, holdout: "10d" } }));
    await recordPrices(context.dirs.data, coinBars(HOURS));
    await expect(ask()).rejects.toThrow(/strategy.step_ahead is 7, expected at most 6/);
    await put(coinSpec({ strategy: { prices: { low: "lowest" }, holdout: "10d" } }));
    await expect(ask()).rejects.toThrow(/strategy.prices.low: .* has no metric 'lowest'/);
  });
});

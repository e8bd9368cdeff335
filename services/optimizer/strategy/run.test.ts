import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { readMarket } from "../../../shared/history/market.ts";
import { people, useOptimizer } from "../optimizer.fixture.ts";
import { accept, applySpec, searchOutcome } from "../search.fixture.ts";
import { coinBars, coinLive, coinRows, coinSpec, HOUR_MS, START_MS } from "./strategy.fixture.ts";

const HOURS = 40 * 24;
const HOLDOUT = 10 * 24;
const bars = coinBars(HOURS);
/** The same prices until the hold-out, and others in it. */
const elsewhere = [...bars.slice(0, HOURS - HOLDOUT), ...coinBars(HOLDOUT, 0.05, 9)];

useOptimizer({ ...coinRows(bars), ...coinRows(elsewhere, "other"), ...coinRows(bars.slice(0, 60), "young") });

const timeOf = (hour: number) => new Date(START_MS + hour * HOUR_MS).toISOString();

async function tune(spec: ForecasterSpec, live: Partial<LiveConfig> | null = {}) {
  const { forecaster } = spec;
  await applySpec(people, spec);
  if (live !== null)
    await people.bus.kv("live-configs", LiveConfig).put(forecaster, coinLive({ forecaster, ...live }));
  const { run, sequence } = await accept(people, forecaster, "strategy");
  return { accepted: sequence, ...(await searchOutcome(people, forecaster, run)) };
}

describe("a run that tunes the strategy (B-STR-1, B-RSK-1)", { timeout: 60_000 }, () => {
  it("finds another use of the live config's forecasts, and says what it saw", async () => {
    const spec = coinSpec();
    const { searched, accepted } = await tune(spec);
    const { strategy, candidate, dataset, split } = searched!;
    expect(searched).toMatchObject({
      ...{ action: "strategy", caused_by: [accepted], metrics: null, trials: [], search_iterations: 30 },
      split: {
        ...{ points: HOURS, train_end: 96, search_end: HOURS - HOLDOUT, holdout_steps: HOLDOUT },
        ...{ search_from: timeOf(96), search_to: timeOf(HOURS - HOLDOUT - 1) },
      },
    });
    expect(candidate).toMatchObject({ model: "seasonal-naive", context_length: 96, artifact: null });
    expect(candidate.strategy).toEqual(strategy!.best[0]!.parameters);
    expect(strategy!.present).toEqual(spec.strategy!.parameters);
    expect(strategy!.best[0]!.objective).toBeGreaterThan(strategy!.present_metrics.sharpe!);
    expect(strategy!.best.map(({ objective }) => objective)).toEqual(
      strategy!.best.map(({ objective }) => objective).toSorted((a, b) => b - a),
    );
    expect(strategy).toMatchObject({ bars: HOURS - 96, missing: 0, forecasts: HOURS - 97, step_ahead: 6 });

    const market = await readMarket(await people.bus.artifacts.fetch(dataset));
    expect(market.times[split!.search_end]).toBe(Date.parse(timeOf(HOURS - HOLDOUT)));
    expect([...market.close]).toEqual(bars.map(({ close }) => Math.fround(close)));
    expect(market.probability.findIndex((each) => !Number.isNaN(each))).toBe(96);
  });

  it("is not moved by what comes in the hold-out (leakage)", async () => {
    const [one, other] = [
      await tune(coinSpec({ forecaster: "before" })),
      await tune(coinSpec({ forecaster: "after", series: "other" })),
    ];
    expect(other.searched!.dataset).not.toBe(one.searched!.dataset);
    expect(other.searched!.strategy).toEqual(one.searched!.strategy);
    expect(other.searched!.candidate).toEqual(one.searched!.candidate);
  });

  it("finds the same every time, in the same market file", async () => {
    const [one, again] = [
      await tune(coinSpec({ forecaster: "once" })),
      await tune(coinSpec({ forecaster: "twice" })),
    ];
    expect(again.searched!.strategy).toEqual(one.searched!.strategy);
    expect(again.searched!.dataset).toBe(one.searched!.dataset);
    const bytes = await readFile(await people.bus.artifacts.fetch(one.searched!.dataset));
    expect(`sha256-${hash("sha256", bytes)}`).toBe(one.searched!.dataset);
  });

  it("starts from the parameters that are live, not from the spec's", async () => {
    const live = { ...coinSpec().strategy!.parameters, confidence_threshold: 0.7, position_size: 0.5 };
    const { searched } = await tune(coinSpec({ forecaster: "tuned" }), { strategy: live });
    expect(searched!.strategy!.present).toEqual(live);
    // Not in the space, so it stays as it is.
    expect(searched!.candidate.strategy!.position_size).toBe(0.5);
  });

  it("trades a trained family by models like it that know the past alone", async () => {
    const strategy = { holdout: "10d", trials: 5, retrain: "10d", min_trades: 1 };
    const artifact = `sha256-${"0".repeat(64)}`;
    const { searched } = await tune(
      coinSpec({ forecaster: "trained", model: { family: "linear" }, strategy }),
      { model: "linear", artifact },
    );
    expect(searched!.candidate).toMatchObject({ model: "linear", artifact });
  });

  it.each<[string, Partial<ForecasterSpec>, Partial<LiveConfig> | null, RegExp]>([
    ["a spec without a strategy", { strategy: undefined }, {}, /its spec has no section strategy/],
    ["nothing live", {}, null, /nothing is live yet, so there are no forecasts to trade/],
    ["too few prices", { series: "young" }, {}, /too few prices: 60 bars/],
    ["a series without prices", { series: "nowhere" }, {}, /the inference buffer has no price of series/],
    [
      "a drawdown that nobody keeps to",
      { strategy: { ...coinSpec().strategy!, max_drawdown: 1e-6 } },
      {},
      /none of 30 strategies is feasible, the live one stays: .*maximum drawdown/,
    ],
    [
      "a time limit that is over",
      { search: { ...coinSpec().search, time_limit: "1ms" } },
      {},
      /gave up, the live strategy stays: .*longer than 1ms/,
    ],
  ])("fails for %s, with the cause", async (what, over, live, cause) => {
    const forecaster = what.replaceAll(" ", "-");
    const { failed } = await tune({ ...coinSpec(), ...over, forecaster }, live);
    expect(failed).toMatchObject({ stage: "search", cause: expect.stringMatching(cause) });
  });
});

import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { Searched, TrialResult } from "../../shared/contracts/optimizer.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { Action } from "../../shared/contracts/spec-remedies.ts";
import { readBundle } from "../../shared/forecasting/bundle/bundle.ts";
import { uniform } from "../../shared/forecasting/random.ts";
import { TEST_TIME_MS } from "../../test/support/context.ts";
import { people, search, useOptimizer } from "./optimizer.fixture.ts";
import {
  accept,
  applySpec,
  dailyRows,
  MODEL_PATH,
  type Row,
  searchOutcome,
  testSpec,
} from "./search.fixture.ts";

const HOLDOUT = 8;
const daily = dailyRows(200, TEST_TIME_MS);

/** The same history with another hold-out. */
function withFuture(value: (t: number) => number): Row[] {
  return daily.map(([time, known], t): Row => [time, t < daily.length - HOLDOUT ? known : value(t)]);
}

useOptimizer({
  daily,
  noise: withFuture((t) => 1_000 * uniform(1, t)),
  sentinel: withFuture(() => 1e12),
  before: daily.slice(0, -4),
  earlier: daily.slice(0, -14),
});

/** A trial table without what the clock and the machine put into it. */
function table(trials: readonly TrialResult[]) {
  return trials.map(
    ({ duration_ms: _, worker: __, inference_ms: ___, memory_mb: ____, training, ...rest }) => ({
      ...rest,
      rows: training?.rows,
    }),
  );
}

const both = {
  ...{ sampler: "tpe", trials: 8, prune: "race", backtest: "16d", holdout: `${HOLDOUT}d` },
  space: {
    model: ["linear", "chronos-bolt"],
    context_length: [20, 30, 60],
    num_samples: [20],
    temperature: { min: 0.8, max: 1.2 },
    model_params: { ridge: { min: 0.001, max: 10 } },
  },
};

describe("the hold-out (leakage)", () => {
  it("changes nothing of a search, whatever it holds: random numbers, sentinels", async () => {
    const [truth, noise, sentinel] = await Promise.all(
      ["daily", "noise", "sentinel"].map((series) => search(testSpec(`leak-${series}`, both, { series }))),
    );
    expect(truth!.searched?.split).toEqual({
      ...{ points: 200, train_end: 176, search_end: 192, holdout_steps: HOLDOUT },
      train_to: new Date(daily[175]![0]).toISOString(),
      search_from: new Date(daily[176]![0]).toISOString(),
      search_to: new Date(daily[191]![0]).toISOString(),
    });
    for (const other of [noise!, sentinel!]) {
      expect(other.searched?.dataset).not.toBe(truth!.searched?.dataset);
      expect(table(other.searched!.trials)).toEqual(table(truth!.searched!.trials));
      expect(other.searched?.candidate).toEqual(truth!.searched?.candidate);
      expect(other.searched?.baselines).toEqual(truth!.searched?.baselines);
    }
  });
});

describe("next week's search", () => {
  it("evaluates only the windows that are new, and finds what it would have found without", async () => {
    const spec = (forecaster: string, series: string) =>
      testSpec(forecaster, { backtest: "16d" }, { series });
    const first = await search(spec("weekly", "before"));
    expect(first.searched?.losses).toEqual({ reused: 0, evaluated: 8 * 16 });
    const second = await search(spec("weekly", "daily"));
    const fresh = await search(spec("weekly-fresh", "daily"));
    // Of the old windows the last four had fewer targets: those of the hold-out have come.
    expect(second.searched?.losses).toEqual({ reused: 8 * 8, evaluated: 8 * 8 });
    expect(fresh.searched?.losses).toEqual({ reused: 0, evaluated: 8 * 16 });
    const rounded = ({ trials }: Searched) =>
      trials.map(({ rmse, metrics }) => [
        rmse!.toFixed(9),
        metrics!.coverage,
        metrics!.n,
        metrics!.mase!.toFixed(9),
      ]);
    expect(rounded(second.searched!)).toEqual(rounded(fresh.searched!));
    expect(second.searched?.candidate).toEqual(fresh.searched?.candidate);
  });
});

async function putLive(spec: ForecasterSpec, { candidate }: Searched): Promise<void> {
  await people.bus.kv("live-configs", LiveConfig).put(spec.forecaster, {
    ...candidate,
    ...{ forecaster: spec.forecaster, horizon: spec.horizon, version: 1 },
    ...{ run_id: "01890000-0000-7000-8000-000000000001", timestamp: new Date(TEST_TIME_MS).toISOString() },
    ...{ validation_rmse: 1, validation_mape: 1, validation_mae: 1 },
    ...{ search_iterations: 1, optimization_time_seconds: 1 },
  });
}

async function remedy(spec: ForecasterSpec, action: Action) {
  await applySpec(people, spec);
  const { run } = await accept(people, spec.forecaster, action);
  return searchOutcome(people, spec.forecaster, run);
}

async function bundleOf(digest: string | null) {
  return readBundle(await readFile(await people.bus.artifacts.fetch(digest!)), "the candidate").info;
}

describe("a refit", () => {
  const linear = {
    search: {
      ...{ backtest: "16d", holdout: `${HOLDOUT}d` },
      space: { context_length: [20, 30], temperature: [1], model_params: { ridge: [0.01, 1] } },
    },
    over: { model: { family: "linear" } },
  };

  it("trains the live configuration anew on newer data, in one trial (A-TRN)", async () => {
    const old = testSpec("refit", linear.search, { ...linear.over, series: "before" });
    const { searched } = await search(old);
    expect(searched?.candidate.model).toBe("linear");
    await putLive(old, searched!);
    const { searched: refitted } = await remedy(testSpec("refit", linear.search, linear.over), "refit");
    const { artifact: before, ...config } = searched!.candidate;
    const { artifact: after, ...same } = refitted!.candidate;
    expect(refitted).toMatchObject({ action: "refit", search_iterations: 1, metrics: { windows: 16 } });
    expect(same).toEqual(config);
    expect(after).not.toBe(before);
    const [was, is] = [await bundleOf(before), await bundleOf(after)];
    expect(was.trained_on.to).toBe(new Date(daily[187]![0]).toISOString());
    expect(is.trained_on.to).toBe(new Date(daily[191]![0]).toISOString());
    expect(is.parent).toBeNull();
  });

  it("goes on from the live model where the spec says so (D-TRN-1)", async () => {
    const incremental = { ...linear.search, refit: "incremental" };
    const old = testSpec("goes-on", incremental, { ...linear.over, series: "before" });
    const { searched } = await search(old);
    await putLive(old, searched!);
    const { searched: refitted } = await remedy(testSpec("goes-on", incremental, linear.over), "refit");
    expect((await bundleOf(refitted!.candidate.artifact)).parent).toBe(searched!.candidate.artifact);
    // Four days are new since the parent was trained: it knows the others.
    expect(refitted?.metrics?.windows).toBe(4);
    expect(refitted?.split).toMatchObject({ train_end: 188, search_end: 192 });
    const again = await remedy(
      testSpec("goes-on", incremental, { ...linear.over, series: "before" }),
      "refit",
    );
    expect(again.failed?.cause).toMatch(
      /^refit of 'goes-on': its model has seen everything up to .*, and nothing was observed since but the hold-out$/,
    );
  });

  it.each<[string, Action, object, RegExp]>([
    [
      "nothing is live",
      "refit",
      {},
      /^refit of '.*': nothing is live yet, so there is nothing to go by; a search is needed$/,
    ],
    [
      "the model is a pretrained file",
      "refit",
      { model: "chronos-bolt", artifact: `sha256-${"a".repeat(64)}` },
      /family 'chronos-bolt', a pretrained file, which is not trained here$/,
    ],
    [
      "the model is fitted to each context",
      "refit",
      { model: "seasonal-naive", artifact: null },
      /family 'seasonal-naive', which forecasts from the context alone: it is always fitted anew$/,
    ],
    [
      "the model has no members",
      "reweigh",
      { model: "linear", artifact: `sha256-${"a".repeat(64)}` },
      /^reweigh of '.*': its model is of family 'linear', which has no members to weigh; only 'ensemble' has$/,
    ],
  ])("fails with the cause, so that the run can escalate, where %s", async (name, action, live, expected) => {
    const spec = testSpec(name.replaceAll(" ", "-").slice(0, 40), { backtest: "16d" });
    if ("model" in live) {
      const config = { context_length: 30, num_samples: 20, temperature: 1, ...live };
      await putLive(spec, { candidate: config } as Searched);
    }
    expect((await remedy(spec, action)).failed?.cause).toMatch(expected);
  });
});

describe("new weights (A-OPT-9, E-ENS-1)", () => {
  it("are found for the live ensemble's members, which stay as they are", async () => {
    const settings = {
      ...{ backtest: "16d", holdout: `${HOLDOUT}d` },
      space: { context_length: [40], temperature: [1], model_params: { windows: [8] } },
    };
    const spec = (series: string) =>
      testSpec("mixed", settings, { series, model: { family: "ensemble", path: MODEL_PATH } });
    const { searched } = await search(spec("earlier"));
    expect(searched?.candidate.model).toBe("ensemble");
    await putLive(spec("earlier"), searched!);
    const { searched: weighed } = await remedy(spec("daily"), "reweigh");
    expect(weighed).toMatchObject({
      action: "reweigh",
      search_iterations: 1,
      candidate: { model: "ensemble" },
    });
    const members = async ({ candidate }: Searched) => {
      const digest = candidate.artifact!;
      return readBundle(await readFile(await people.bus.artifacts.fetch(digest)), digest).files;
    };
    const [was, is] = [await members(searched!), await members(weighed!)];
    const { members: made } = JSON.parse(Buffer.from(is.get("ensemble.json")!).toString());
    expect(JSON.stringify(made)).toContain("chronos-bolt");
    expect([...is.keys()]).toEqual([...was.keys()]);
    expect((await bundleOf(weighed!.candidate.artifact)).parent).toBe(searched!.candidate.artifact);
    const changed = [...is].filter(([name, bytes]) => Buffer.compare(bytes, was.get(name)!) !== 0);
    expect(changed.map(([name]) => name)).toEqual(["backtest.bin", "ensemble.json"]);
    const told = Object.entries(weighed!.training!.metrics!).filter(([name]) => name.startsWith("weight."));
    expect(told.map(([name]) => name)).toContain("weight.chronos-bolt");
    expect(told.reduce((sum, [, weight]) => sum + weight, 0)).toBeCloseTo(1, 9);
  });
});

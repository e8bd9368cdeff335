import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  Progress,
  type TrialResult,
  TrialResult as TrialResultSchema,
  trialKey,
} from "../../shared/contracts/optimizer.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { readWindow } from "../../shared/history/window.ts";
import { TEST_TIME_MS, testContext } from "../../test/support/context.ts";
import { service } from "./main.ts";
import {
  env,
  nats,
  optimizer,
  people,
  search,
  startOptimizer,
  stepsOf,
  stopOptimizer,
  useOptimizer,
} from "./optimizer.fixture.ts";
import { accept, applySpec, dailyRows, searchOutcome, testSpec } from "./search.fixture.ts";

useOptimizer({
  daily: dailyRows(200, TEST_TIME_MS),
  gappy: dailyRows(200, TEST_TIME_MS).filter((_, i) => i !== 120 && i !== 187),
  short: dailyRows(9, TEST_TIME_MS),
  huge: dailyRows(200, TEST_TIME_MS).map(([timeMs, value]) => [timeMs, value * 1e300]),
});

/** A trial table without what the clock and the machine put into it. */
function table(trials: readonly TrialResult[]) {
  return trials.map(({ duration_ms: _, worker: __, inference_ms: ___, memory_mb: ____, ...rest }) => rest);
}

describe("a search with the real model", () => {
  it("tries the whole grid and says which config won, from what (A-OPT-1, A-OPT-5)", async () => {
    const progress: Progress[] = [];
    const listening = people.bus.subscribeCore("progress.grid.*", (value) => {
      progress.push(Progress.parse(value));
    });
    await listening.ready;
    const { searched, accepted, run } = await search(testSpec("grid"));
    listening.stop();

    expect(searched).toMatchObject({
      sampler: "grid",
      fell_back: false,
      search_iterations: 8,
      caused_by: [accepted],
    });
    expect(searched?.trials.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const best = Math.min(...searched!.trials.map(({ rmse }) => rmse!));
    expect(searched?.metrics).toMatchObject({ rmse: best, windows: 8, n: 30 });
    expect(searched?.candidate).toMatchObject({
      model: "chronos-bolt",
      artifact: expect.stringMatching(/^sha256-/),
    });
    expect(searched?.optimization_time_seconds).toBeGreaterThan(0);
    expect(Object.keys(searched?.baselines ?? {})).toEqual(["last-value", "seasonal-naive"]);
    expect(searched?.baselines["last-value"]).toMatchObject({ windows: 8, n: 30 });
    expect(searched?.evidence).toMatchObject({
      code_version: "test",
      spec_revision: expect.any(Number),
      data: { rows: 200, points: 200, last_sequence: 7 },
      backtest: { horizon: 5, backtest_steps: 8, step_size: 1 },
    });
    expect(progress.at(-1)).toMatchObject({
      run_id: run,
      phase: "search",
      done: 8,
      total: 8,
      best_rmse: best,
    });
  });

  it("leaves nothing behind but the outcome, and a redelivered accepted adds nothing", async () => {
    const { run, event } = await search(testSpec("tidy"));
    const states = people.bus.kv("states", z.unknown());
    await expect.poll(() => states.keys(`study.${run}`)).toEqual([]);
    await expect.poll(() => states.keys(`trial.${run}.*`)).toEqual([]);

    const message = await people.bus.lastMessage("DECISIONS", subjects.step("accepted", "tidy", run));
    const other = await testContext(nats, { name: "optimizer", env });
    const { Coordinator } = await import("./coordinator.ts");
    const { optimizerConfig } = await import("./config.ts");
    const { ResultFeed } = await import("./results.ts");
    const { windowCache } = await import("../../shared/history/window-cache.ts");
    const { openSpecs } = await import("../../shared/specs.ts");
    const specs = await openSpecs(other);
    const feed = await ResultFeed.start(other);
    const sources = { specs, windows: windowCache(other.bus.artifacts) };
    const coordinator = new Coordinator(other, optimizerConfig(env), sources, feed);
    await coordinator.handle(message!);
    await coordinator.stop();
    feed.stop();
    specs.stop();
    await other[Symbol.asyncDispose]();

    expect(await stepsOf(run)).toEqual(["accepted", "searched"]);
    expect((await searchOutcome(people, "tidy", run)).event.id).toBe(event.id);
    expect(await states.keys(`study.${run}`)).toEqual([]);
  });

  it("counts in steps: a day without an observation is a step without a value", async () => {
    const { searched } = await search(testSpec("gappy", {}, { series: "gappy" }));
    expect(searched?.evidence).toMatchObject({ data: { rows: 198, points: 200 } });
    expect(searched?.metrics).toMatchObject({ windows: 8, n: 26 });
    const { values } = await readWindow(await people.bus.artifacts.fetch(searched!.dataset));
    expect([values.length, values.findLastIndex(Number.isNaN)]).toEqual([200, 187]);
  });

  it("draws trials from the space when told to, the same ones for the same seed", async () => {
    const random = { sampler: "random", trials: 3, seed: 5 };
    const first = await search(testSpec("random", random));
    const second = await search(testSpec("random-again", random));
    expect(first.searched?.sampler).toBe("random");
    expect(first.searched?.trials).toHaveLength(3);
    expect(table(second.searched!.trials)).toEqual(table(first.searched!.trials));
  });

  it("is shared by two optimizers and finds the same as one alone (A-OPT-7)", async () => {
    const space = { context_length: [30, 40, 60], num_samples: [200, 400], temperature: [0.8, 1.2] };
    const alone = await search(testSpec("alone", { space }));
    const second = await testContext(nats, { name: "optimizer", env });
    const helper = await service.start(second);
    const together = await search(testSpec("together", { space }));
    await helper.stop();
    await second[Symbol.asyncDispose]();

    const workers = (trials: readonly TrialResult[]) => new Set(trials.map(({ worker }) => worker));
    expect(workers(alone.searched!.trials)).toEqual(new Set([optimizer.instance]));
    expect(workers(together.searched!.trials)).toEqual(new Set([optimizer.instance, second.instance]));
    expect(table(together.searched!.trials)).toEqual(table(alone.searched!.trials));
    expect(together.searched?.candidate).toEqual(alone.searched?.candidate);
    expect(together.searched?.dataset).toBe(alone.searched?.dataset);
  });
});

describe("a search in which something goes wrong", () => {
  it("goes on when a trial fails: it scores infinite (A-OPT-2)", async () => {
    const spec = testSpec("partly", {
      space: { context_length: [30], num_samples: [20], temperature: [0.8, 1.2] },
    });
    const poisoned = optimizer.bus.kv("states", TrialResultSchema);
    await applySpec(people, spec);
    await stopOptimizer();
    const { run } = await accept(people, "partly");
    await poisoned.create(trialKey(run, 0), {
      ...{
        number: 0,
        phase: "search",
        rmse: null,
        metrics: null,
        duration_ms: 1,
        worker: "w",
        error: "the model burnt",
      },
      params: { context_length: 30, num_samples: 20, temperature: 0.8 },
    });
    await startOptimizer();
    const { searched } = await searchOutcome(people, "partly", run);
    expect(searched?.trials.map(({ rmse }) => rmse === null)).toEqual([true, false]);
    expect(searched?.candidate.temperature).toBe(1.2);
  });

  it("fails with the causes when every trial fails (A-OPT-2)", async () => {
    const { failed } = await search(testSpec("broken", {}, { series: "huge" }));
    expect(failed).toMatchObject({ stage: "search", will_retry: false });
    expect(failed?.cause).toMatch(/^all 8 trials failed: .*\(8 trials\)$/);
    expect(failed?.evidence).toMatchObject({ data: { rows: 200 } });
  });

  it.each<[string, ForecasterSpec, RegExp]>([
    [
      "a model file that is not there",
      testSpec("no-file", {}, { model: { path: "models/none.onnx" } }),
      /model\.path 'models\/none\.onnx' cannot be read/,
    ],
    [
      "a file that is no model",
      testSpec("no-model", {}, { model: { path: "package.json" } }),
      /^spec 'no-model': model\.path 'package\.json' is no model that family 'chronos-bolt' can use: /,
    ],
    [
      "a file of somebody else",
      testSpec("not-ours", {}, { model: { path: "/etc/hostname" } }),
      /^spec 'not-ours': model\.path '\/etc\/hostname' lies outside the project/,
    ],
    ["a spec without a model file", testSpec("no-path", {}, { model: {} }), /model\.path is missing/],
    [
      "too little data",
      testSpec("short", {}, { series: "short" }),
      /too little data: .*'short'.* has 9 steps of 1d .* needs 24/,
    ],
    [
      "no data",
      testSpec("empty", {}, { series: "empty" }),
      /too little data: no observation of series 'empty'/,
    ],
    [
      "fewer observations than the spec asks for (D-TRN-1)",
      testSpec("few", { min_samples: 100_000 }, { series: "huge" }),
      /'huge'.* has 200 observations since .*, search\.min_samples asks for 100000/,
    ],
    [
      "a grid too big for a message",
      testSpec("big", {
        space: {
          num_samples: Array.from({ length: 700 }, (_, i) => i + 1),
          context_length: [30, 60],
          temperature: [1],
        },
      }),
      /1400 points, at most 1000/,
    ],
    [
      "steps too small for the history",
      testSpec("tiny", {}, { step: "1ms" }),
      /at most 2000000 are possible/,
    ],
  ])("says so: %s", async (_, spec, expected) => {
    const { failed, run } = await search(spec);
    expect(failed?.cause).toMatch(expected);
    expect(await stepsOf(run)).toEqual(["accepted", "failed"]);
  });

  it("fails a forecaster without a spec once it has waited for one", async () => {
    const { run } = await accept(people, "nobody");
    const { failed } = await searchOutcome(people, "nobody", run);
    expect(failed?.cause).toBe("no spec of forecaster 'nobody' is applied");
  });
});

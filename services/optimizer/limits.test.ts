import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TrialResult as TrialResultSchema, trialKey } from "../../shared/contracts/optimizer.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { TEST_TIME_MS, testContext } from "../../test/support/context.ts";
import { service } from "./main.ts";
import {
  env,
  nats,
  people,
  search,
  startOptimizer,
  stepsOf,
  stopOptimizer,
  useOptimizer,
} from "./optimizer.fixture.ts";
import { accept, applySpec, dailyRows, type Row, searchOutcome, testSpec } from "./search.fixture.ts";
import { studyKey } from "./state.ts";
import type { OptimizerStatus } from "./status.ts";
import { TrialWorker } from "./worker.ts";

useOptimizer({
  daily: dailyRows(200, TEST_TIME_MS),
  long: Array.from({ length: 150_100 }, (_, t): Row => [TEST_TIME_MS - (150_100 - t) * 1_000, t % 97]),
});

describe("a search that runs out of time or memory", { timeout: 60_000 }, () => {
  const slow = { context_length: [30, 60], num_samples: [40, 10_000], temperature: [0.9, 1] };

  it("falls back to the cheaper half, then gives up and leaves the champion alone (A-OPT-3)", async () => {
    const limits = { time_limit: "1ms", fallback: { trials: 2, time_limit: "1ms" } };
    const { failed, run } = await search(testSpec("late", { space: slow, ...limits }));
    expect(failed?.cause).toMatch(
      /^gave up, the champion stays: first search ended \(time limit: \d of 8 trials were done after 1ms\)/,
    );
    expect(failed?.evidence.fell_back_because).toMatch(/time limit/);
    expect(await stepsOf(run)).toEqual(["accepted", "failed"]);
    await expect
      .poll(async () => (await people.bus.streamState("TRIALS")).messages, { timeout: 5_000 })
      .toBe(0);
  });

  it("ends with a winner of the cheaper half when that is quick enough (A-OPT-3)", async () => {
    const limits = { time_limit: "1ms", fallback: { trials: 2, time_limit: "5m" } };
    const { searched } = await search(testSpec("rescued", { space: slow, ...limits }));
    expect(searched).toMatchObject({ fell_back: true, candidate: { context_length: 30, num_samples: 40 } });
    expect(searched?.trials.filter(({ phase }) => phase === "fallback").length).toBeGreaterThan(0);
  });

  it("falls back after a trial that ran out of memory (A-OPT-4)", async () => {
    const spec = testSpec("starved", { fallback: { trials: 2 } });
    await applySpec(people, spec);
    await stopOptimizer();
    const leader = await testContext(nats, {
      name: "optimizer",
      env: { ...env, RETUNE_OPTIMIZER_WORKERS: "0" },
    });
    const leading = await service.start(leader);
    const { run } = await accept(people, "starved");
    const states = people.bus.kv("states", TrialResultSchema);
    await expect.poll(() => states.keys(studyKey(run)), { timeout: 5_000 }).toHaveLength(1);
    await states.create(trialKey(run, 7), {
      ...{ number: 7, phase: "search", rmse: null, metrics: null, duration_ms: 1, worker: "w" },
      params: { context_length: 60, num_samples: 40, temperature: 1.2 },
      ...{ error: "the worker ran out of its memory", out_of_memory: true },
    });
    await startOptimizer();
    const { searched } = await searchOutcome(people, "starved", run);
    expect(searched).toMatchObject({ fell_back: true, candidate: { context_length: 30, num_samples: 20 } });
    expect(searched?.evidence.fell_back_because).toBe("trial 7 ran out of its memory of 768 MB");
    expect(searched?.trials.filter(({ phase }) => phase === "fallback").map(({ number }) => number)).toEqual([
      8, 9,
    ]);
    await leading.stop();
    await leader[Symbol.asyncDispose]();
  });

  it("loses nothing but the trial when its worker runs out of memory (A-OPT-4)", async () => {
    // 150,000 windows do not fit into 64 MB. There is no cheaper point, so the fallback has nothing to try.
    const spec = testSpec(
      "greedy",
      {
        space: { context_length: [64], num_samples: [10], temperature: [1] },
        memory_limit_mb: 64,
        backtest: "150000s",
        holdout: "10s",
      },
      { series: "long", step: "1s", horizon: "5s", model: { family: "last-value" } },
    );
    const { failed } = await search(spec);
    expect(failed?.cause).toMatch(/all 1 trials failed: the backtest process ran out of its memory of 64 MB/);
    expect(failed?.evidence.fell_back_because).toBe("trial 0 ran out of its memory of 64 MB");
    const { searched } = await search(testSpec("survivor"));
    expect(searched?.trials).toHaveLength(8);
  });
});

describe("a worker that is stopped", () => {
  it("puts its trial back, at the last attempt, too, and the search finds what it would have found", async () => {
    await stopOptimizer();
    const spec = testSpec("stopped", {
      space: { context_length: [30], num_samples: [20], temperature: [1] },
      attempts: 1,
    });
    await applySpec(people, spec);
    const leader = await testContext(nats, {
      name: "optimizer",
      env: { ...env, RETUNE_OPTIMIZER_WORKERS: "0" },
    });
    const leading = await service.start(leader);
    const { run } = await accept(people, "stopped");
    const queued = () => people.bus.lastMessage("TRIALS", subjects.trial(run, 0));
    await expect.poll(queued, { timeout: 5_000 }).toBeDefined();
    const task = (await queued())!;
    const worker = new TrialWorker(leader, 1);
    const handling = worker.handle(task);
    await expect.poll(() => worker.busy).toBe(1);
    await worker.close();
    await handling;
    expect((await queued())!.sequence).toBeGreaterThan(task.sequence);
    expect(await people.bus.kv("states", z.unknown()).keys(trialKey(run, 0))).toEqual([]);

    await leading.stop();
    await leader[Symbol.asyncDispose]();
    await startOptimizer();
    const { searched } = await searchOutcome(people, "stopped", run);
    expect(searched?.trials).toMatchObject([{ number: 0, rmse: expect.any(Number) }]);
  });
});

describe("optimizer.status", () => {
  it("lists every open search with its progress, whoever leads it", async () => {
    await stopOptimizer();
    await applySpec(people, testSpec("asked"));
    const leader = await testContext(nats, {
      name: "optimizer",
      env: { ...env, RETUNE_OPTIMIZER_WORKERS: "0" },
    });
    const leading = await service.start(leader);
    const { run } = await accept(people, "asked");
    const status = () => people.bus.request("optimizer.status", undefined, z.custom<OptimizerStatus>());
    const open = { run_id: run, forecaster: "asked", phase: "search", done: 0, total: 8, best_rmse: null };
    await expect
      .poll(async () => (await status()).studies, { timeout: 5_000 })
      .toEqual([expect.objectContaining(open)]);
    expect(await people.bus.kv("states", z.unknown()).keys(studyKey(run))).toHaveLength(1);

    // The leader that goes away hands its run over.
    await leading.stop();
    await leader[Symbol.asyncDispose]();
    await startOptimizer();
    const { searched } = await searchOutcome(people, "asked", run);
    expect(searched?.trials).toHaveLength(8);
    await expect.poll(async () => (await status()).studies).toEqual([]);
  });
});

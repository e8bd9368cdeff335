import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TrialResult, TrialTask } from "../../shared/contracts/optimizer.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { oneSeries } from "../../shared/forecasting/backtest.ts";
import { BacktestRunner } from "../../shared/forecasting/backtest-pool.ts";
import { readBundle } from "../../shared/forecasting/bundle/bundle.ts";
import { makeTrainers } from "../../shared/forecasting/command/trainers.fixture.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { TrialInputs } from "./backtest-job.ts";
import { type TrialContext, tryTrial } from "./trial.ts";

const DAY_MS = 86_400_000;
const task = TrialTask.parse({
  ...{ run_id: newUuidV7(), forecaster: "f", number: 3, phase: "search", model: "last-value" },
  params: { context_length: 8, num_samples: 1, temperature: 1 },
  ...{ artifact: null, dataset: `sha256-${"0".repeat(64)}`, horizon: 1, season_length: 1 },
  grid: { step_ms: DAY_MS, calendar: "all" },
  cutoffs: Array.from({ length: 999 }, (_, i) => 1_000 + i),
  ...{ score_end: 2_000, train_end: 1_001, objective: "rmse" },
  ...{ seed: 1, memory_limit_mb: 64, attempts: 3 },
});
const values = Float64Array.from({ length: 2_000 }, (_, i) => i % 10);
const times = values.map((_, i) => i * DAY_MS);
const data = oneSeries(values, 1, { times, grid: { stepMs: DAY_MS, calendar: "all" } });
const inputs: TrialInputs = { data, artifactPath: undefined, train: undefined };

const stored = new Map<string, Uint8Array>();
const store = async (bundle: Uint8Array) => {
  const digest = `sha256-${createHash("sha256").update(bundle).digest("hex")}`;
  stored.set(digest, bundle);
  return digest;
};
const runner = new BacktestRunner();
const context: TrialContext = { deliveries: 1, worker: "w", runner, store };
afterAll(() => runner.close());

/** One task of a small backtest, and the inputs it has. */
function tried(over: Partial<TrialTask>, having: Partial<TrialInputs> = {}): Promise<TrialResult> {
  const small = { ...task, cutoffs: [1_500, 1_000, 1_700], horizon: 2, ...over };
  return tryTrial(small, context, async () => ({ ...inputs, ...having }));
}

describe("a trial", () => {
  it("has a loss and sums for each of its cutoffs, in their order", async () => {
    const result = TrialResult.parse(JSON.parse(JSON.stringify(await tried({}))));
    // Values rise by one a step from 0 to 9: after 1500, 1000 and 1700, all of them 0, come 1 and 2.
    expect(result.losses).toEqual([2.5, 2.5, 2.5]);
    expect(result.sums?.[1]).toMatchObject({ n: 2, error: -3, absolute: 3, squared: 5, actual: 3 });
    expect(result.objective).toBeCloseTo(Math.sqrt(2.5), 12);
    expect(result).toMatchObject({ number: 3, phase: "search", model: "last-value", rmse: result.objective });
    expect(result.inference_ms).toBeGreaterThan(0);
    expect(result.memory_mb).toBeGreaterThan(0);
    expect(result.artifact).toBeUndefined();
  });

  it("has what it minimises as its objective", async () => {
    expect((await tried({ objective: "mae" })).objective).toBe(1.5);
    expect((await tried({ objective: "mae" })).losses).toEqual([1.5, 1.5, 1.5]);
    const rising = Float64Array.from({ length: 2_000 }, () => 7);
    const constant = await tried({ objective: "mase" }, { data: oneSeries(rising, 1) });
    expect(constant).toMatchObject({ rmse: null, error: "the objective mase of this series cannot be told" });
  });

  it("looks at no step at or after score_end, and refuses a cutoff there", async () => {
    const near = await tried({ cutoffs: [1_500], score_end: 1_502 });
    expect(near.sums?.[0]).toMatchObject({ n: 1, error: -1 });
    expect((await tried({ cutoffs: [1_501], score_end: 1_502 })).error).toMatch(
      /cutoff is 1501, expected an index below 1501/,
    );
  });

  it("whose worker is closed is no failed trial, at the last attempt neither (A-OPT-2, A-OPT-7)", async () => {
    for (const deliveries of [1, 3]) {
      const closing = new BacktestRunner();
      const trying = tryTrial(task, { ...context, deliveries, runner: closing }, async () => {
        await closing.close();
        return inputs;
      });
      await expect(trying).rejects.toThrow("the backtest runner is closed");
    }
  });

  it("that is interrupted under way at the last attempt is none either", async () => {
    const closing = new BacktestRunner();
    const trying = tryTrial(task, { ...context, deliveries: 3, runner: closing }, async () => {
      queueMicrotask(() => setImmediate(() => void closing.close()));
      return inputs;
    });
    await expect(trying).rejects.toThrow("the backtest runner is closed");
  });

  it("that fails at the last attempt scores infinite, with an error short enough for a table of 1,000", async () => {
    const broken = () => Promise.reject(new InvalidInputError(`broken ${"x".repeat(10_000)}`));
    const result = await tryTrial(task, { ...context, deliveries: 3 }, broken);
    expect(result).toMatchObject({ number: 3, rmse: null, objective: null, metrics: null });
    expect(result.error).toMatch(/^broken x+…$/);
    expect(result.error).toHaveLength(300);
  });
});

describe("a trial of a trained family", () => {
  const linear = { model: "linear" as const, params: { context_length: 20, num_samples: 5, temperature: 1 } };
  const train = { end: 1_001, codeVersion: "test" };

  it("trains before it is scored, and keeps its bundle where the task says so (C-TRN-1)", async () => {
    const plain = await tried(linear, { train });
    expect(plain.training).toMatchObject({ duration_ms: expect.any(Number), rows: expect.any(Number) });
    expect(plain.artifact).toBeUndefined();
    const kept = await tried({ ...linear, keep_artifact: true }, { train });
    expect(kept.losses).toEqual(plain.losses);
    expect(readBundle(stored.get(kept.artifact!)!, "kept").info).toMatchObject({
      family: "linear",
      trained_on: { to: new Date(1_000 * DAY_MS).toISOString() },
    });
  });

  it("of phase final trains and stores, and scores nothing", async () => {
    const final = { ...linear, phase: "final" as const, cutoffs: [], train_end: 1_900, score_end: 1_900 };
    const result = await tried(final, { train: { ...train, end: 1_900 } });
    expect(result).toMatchObject({
      phase: "final",
      rmse: null,
      metrics: null,
      artifact: expect.stringMatching(/^sha256-/),
    });
    expect(result.error).toBeUndefined();
    const { info } = readBundle(stored.get(result.artifact!)!, "final");
    expect(info.trained_on.to).toBe(new Date(1_899 * DAY_MS).toISOString());
    expect((await tried({ ...final, model: "last-value" }, { train })).error).toMatch(
      /'last-value' cannot be trained/,
    );
  });
});

describe.skipIf(process.platform !== "linux")("a trial whose memory runs out (A-OPT-4)", () => {
  let trainers: string;
  beforeAll(async () => {
    const choices = ["takes memory", "takes memory for a long history"];
    const deed = {
      name: "deed",
      description: "wrong",
      kind: "choice",
      choices,
      default: choices[0]!,
    } as const;
    trainers = await makeTrainers({ hungry: { parameters: [deed], memory_mb: 160 } });
    process.env.RETUNE_TRAINERS = trainers;
    await runner.abort(); // so that the next process reads it
  });
  afterAll(() => rm(trainers, { recursive: true }));

  const hungry = (deed: string, over: Partial<TrialTask> = {}) =>
    tried(
      { model: "command", params: { ...task.params, model_params: { trainer: "hungry", deed } }, ...over },
      { train: { start: 841, end: 1_001, codeVersion: "test" } },
    );

  it("is tried once more with less, and says with how much", async () => {
    const result = await hungry("takes memory for a long history");
    expect(result.error).toBeUndefined();
    expect(result.reduced).toBe("one context at a time, trained on the last 80 steps");
    expect(result.losses).toHaveLength(3);
    const final = await hungry("takes memory for a long history", { phase: "final", cutoffs: [] });
    expect(final).toMatchObject({ reduced: "trained on the last 80 steps", artifact: expect.any(String) });
  });

  it("scores infinite when that is too much, too", async () => {
    const result = await hungry("takes memory");
    expect(result).toMatchObject({ rmse: null, objective: null, out_of_memory: true });
    expect(result.error).toMatch(/trainer 'hungry' took more than 160 MB/);
  });
});

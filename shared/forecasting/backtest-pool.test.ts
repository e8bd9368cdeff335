import { afterEach, describe, expect, it } from "vitest";
import { InvalidInputError, UnavailableError } from "../errors.ts";
import { backtest, oneSeries, planBacktest } from "./backtest.ts";
import { type BacktestJob, BacktestRunner, OutOfMemoryError } from "./backtest-pool.ts";
import { openFamily } from "./families.ts";
import { ModelMismatchError } from "./manifest.ts";

const artifactPath = new URL("../../models/tiny-bolt/model.onnx", import.meta.url).pathname;
const values = Float64Array.from({ length: 200 }, (_, t) => 50 + Math.sin(t) + Math.sin(t / 9) * 4);
const job: BacktestJob = {
  family: "chronos-bolt",
  artifactPath,
  data: oneSeries(values, 1),
  plan: planBacktest(200, 5, 8),
  spec: { context_length: 90, num_samples: 50, temperature: 1, seed: 1 },
};

const runners: BacktestRunner[] = [];
function runner(options?: ConstructorParameters<typeof BacktestRunner>[0]): BacktestRunner {
  const made = new BacktestRunner(options);
  runners.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(runners.splice(0).map((made) => made.close()));
});

describe("BacktestRunner", () => {
  it("finds in its worker what a backtest finds here", async () => {
    const model = await openFamily("chronos-bolt", artifactPath);
    const here = await backtest(model, job.data, job.plan, job.spec);
    await model.release();
    const there = await runner().evaluate(job);
    expect(there).toEqual({ ...here, inference_ms: expect.any(Number), memory_mb: expect.any(Number) });
    expect(there.memory_mb).toBeGreaterThan(1); // the model's weights alone take four
  });

  it("keeps its worker, and a remembered prediction keeps its cost", async () => {
    const reused = runner();
    const first = await reused.evaluate(job);
    const second = await reused.evaluate({
      ...job,
      spec: { ...job.spec, num_samples: 10, temperature: 0.8 },
    });
    expect(second.rmse).not.toBe(first.rmse);
    expect(second.inference_ms).toBe(first.inference_ms);
  });

  it("answers calls made at once, each with its own result", async () => {
    const shared = runner();
    const lengths = [30, 60, 90];
    const jobs = lengths.map((context_length) => ({ ...job, spec: { ...job.spec, context_length } }));
    const together = await Promise.all(jobs.map((each) => shared.evaluate(each)));
    const alone: number[] = [];
    for (const each of jobs) alone.push((await shared.evaluate(each)).rmse);
    expect(together.map(({ rmse }) => rmse)).toEqual(alone);
  });

  it("passes errors on as what they are, and goes on", async () => {
    const shared = runner();
    await expect(shared.evaluate({ ...job, artifactPath: "/nowhere/model.onnx" })).rejects.toThrow(
      ModelMismatchError,
    );
    await expect(shared.evaluate({ ...job, family: "nope" })).rejects.toThrow(InvalidInputError);
    await expect(shared.evaluate({ ...job, spec: { ...job.spec, num_samples: 0 } })).rejects.toThrow(
      /num_samples is 0/,
    );
    expect((await shared.evaluate(job)).windows).toBe(8);
  });

  it("says that memory ran out and survives it (A-OPT-4)", async () => {
    const small = runner({ memoryLimitMb: 32 });
    const greedy = { ...job, plan: { cutoffs: Array.from({ length: 1_500_000 }, () => 190), horizon: 5 } };
    const error: unknown = await small
      .evaluate({ ...greedy, family: "last-value" })
      .catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect((error as Error).message).toContain("ran out of its memory of 32 MB");
    expect((await small.evaluate({ ...job, family: "last-value" })).windows).toBe(8);
  });

  it("rejects what is under way when it is aborted, and starts anew", async () => {
    const aborted = runner();
    const pending = aborted.evaluate(job);
    const refused = expect(pending).rejects.toThrow(/time is up/);
    await aborted.abort("time is up");
    await refused;
    expect((await aborted.evaluate(job)).windows).toBe(8);
  });

  it("refuses calls after it was closed", async () => {
    const closed = runner();
    await closed.close();
    await expect(closed.evaluate(job)).rejects.toThrow(UnavailableError);
    await closed.close();
  });
});

describe("measureInference (A-VAL-3)", () => {
  it("times two configurations in one run: one that must unroll takes longer than one that need not", async () => {
    const spec = { ...job.spec, horizon: 5 };
    const times = await runner().measureInference(
      job.data,
      { family: "last-value", spec },
      { family: "chronos-bolt", artifactPath, spec: { ...spec, horizon: 128 } },
      5,
    );
    expect(times.a_ms).toBeGreaterThan(0);
    expect(times.b_ms).toBeGreaterThan(times.a_ms);
  });
});

import { describe, expect, it } from "vitest";
import { TrialTask } from "../../shared/contracts/optimizer.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { BacktestRunner } from "../../shared/forecasting/backtest-pool.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { tryTrial } from "./trial.ts";

const task = TrialTask.parse({
  ...{ run_id: newUuidV7(), forecaster: "f", number: 3, phase: "search", model: "last-value" },
  params: { context_length: 8, num_samples: 1, temperature: 1 },
  ...{ artifact: null, dataset: `sha256-${"0".repeat(64)}`, horizon: 1, season_length: 1 },
  ...{ backtest_steps: 1_000, step_size: 1, seed: 1, memory_limit_mb: 64, attempts: 3 },
});
const values = Float64Array.from({ length: 2_000 }, (_, i) => i % 10);

describe("a trial", () => {
  it("whose worker is closed is no failed trial, at the last attempt neither (A-OPT-2, A-OPT-7)", async () => {
    for (const deliveries of [1, 3]) {
      const runner = new BacktestRunner();
      const trying = tryTrial(task, { deliveries, worker: "w", runner }, async () => {
        await runner.close();
        return { values, artifactPath: undefined };
      });
      await expect(trying).rejects.toThrow("the backtest runner is closed");
    }
  });

  it("that is interrupted under way at the last attempt is none either", async () => {
    const runner = new BacktestRunner();
    const trying = tryTrial(task, { deliveries: 3, worker: "w", runner }, async () => {
      queueMicrotask(() => setImmediate(() => void runner.close()));
      return { values, artifactPath: undefined };
    });
    await expect(trying).rejects.toThrow("the backtest runner is closed");
  });

  it("that fails at the last attempt scores infinite, with an error short enough for a table of 1,000", async () => {
    const runner = new BacktestRunner();
    const inputs = () => Promise.reject(new InvalidInputError(`broken ${"x".repeat(10_000)}`));
    const result = await tryTrial(task, { deliveries: 3, worker: "w", runner }, inputs);
    expect(result).toMatchObject({ number: 3, rmse: null, metrics: null });
    expect(result.error).toMatch(/^broken x+…$/);
    expect(result.error).toHaveLength(300);
    await runner.close();
  });
});

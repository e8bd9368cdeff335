import { afterEach, describe, expect, it } from "vitest";
import { UnavailableError } from "../../shared/errors.ts";
import { oneSeries } from "../../shared/forecasting/backtest.ts";
import { RunnerPool } from "./runner-pool.ts";

const values = Float64Array.from({ length: 40 }, (_, t) => t);
const job = {
  ...{ family: "last-value", data: oneSeries(values, 1), plan: { cutoffs: [30], horizon: 3 } },
  spec: { context_length: 10, num_samples: 1, temperature: 1, seed: 1 },
};

const pools: RunnerPool[] = [];
function pool(maxIdle: number): RunnerPool {
  const made = new RunnerPool(maxIdle);
  pools.push(made);
  return made;
}
afterEach(() => Promise.all(pools.splice(0).map((each) => each.close())));

describe("RunnerPool", () => {
  it("hands a runner that was given back to the next who wants that much memory", async () => {
    const runners = pool(2);
    const runner = runners.take(256);
    await runners.give(runner);
    expect(runners.take(512)).not.toBe(runner);
    expect(runners.take(256)).toBe(runner);
  });

  it("gives nobody a runner in use", () => {
    const runners = pool(2);
    expect(runners.take(256)).not.toBe(runners.take(256));
    expect(runners.busy).toBe(2);
  });

  it("ends the longest idle ones beyond its limit", async () => {
    const runners = pool(1);
    const first = runners.take(256);
    const second = runners.take(256);
    await runners.give(first);
    await runners.give(second);
    expect(runners.busy).toBe(0);
    await expect(first.evaluate(job)).rejects.toThrow(UnavailableError);
    expect((await second.evaluate(job)).windows).toBe(1);
  });

  it("ends those in use, too, when it closes", async () => {
    const runners = pool(1);
    const runner = runners.take(256);
    const refused = expect(runner.evaluate(job)).rejects.toThrow(UnavailableError);
    await runners.close();
    await refused;
    await runners.give(runner);
    expect(runners.busy).toBe(0);
  });
});

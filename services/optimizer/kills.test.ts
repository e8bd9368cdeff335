import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { TrialResult } from "../../shared/contracts/optimizer.ts";
import { uniform } from "../../shared/forecasting/random.ts";
import { kill, people, startProcess, useProcesses } from "./processes.fixture.ts";
import { accept, applySpec, MODEL_PATH, searchOutcome, testSpec } from "./search.fixture.ts";

const KILL_EVERY_MS = 1_200;
const KILLS = 5;

useProcesses();

/** Two families of which one is trained, a sampler that learns, races: all that could depend on who does what when. */
function specOf(forecaster: string) {
  return testSpec(
    forecaster,
    {
      ...{ sampler: "tpe", trials: 14, generation: 4, prune: "race", backtest: "24d", attempts: 20 },
      space: {
        model: ["chronos-bolt", "linear"],
        context_length: { min: 16, max: 90, log: true },
        num_samples: [4_000],
        temperature: { min: 0.7, max: 1.4 },
        model_params: { ridge: { min: 0.001, max: 10 } },
      },
    },
    { model: { family: "chronos-bolt", path: MODEL_PATH } },
  );
}

/** A trial table without what the clock and the machine put into it. */
function table(trials: readonly TrialResult[]) {
  return trials.map(
    ({ duration_ms: _, worker: __, inference_ms: ___, memory_mb: ____, training, ...rest }) => ({
      ...rest,
      rows: training?.rows,
    }),
  );
}

async function run(forecaster: string) {
  await applySpec(people, specOf(forecaster));
  const { run: id } = await accept(people, forecaster);
  return searchOutcome(people, forecaster, id);
}

describe("the same study with one worker, and with four that are killed at random", {
  timeout: 180_000,
}, () => {
  it("has the same trial table, the same winner and the same model (A-OPT-7)", async () => {
    const single = await startProcess();
    const alone = await run("alone");
    await kill(single);

    const many = await Promise.all([startProcess(), startProcess(), startProcess(), startProcess()]);
    let isOver = false;
    const together = run("together").finally(() => {
      isOver = true;
    });
    let kills = 0;
    for (; kills < KILLS && !isOver; kills += 1) {
      await sleep(KILL_EVERY_MS);
      const victim = Math.floor(4 * uniform(5, kills));
      await kill(many[victim]!);
      many[victim] = await startProcess();
    }
    const { searched } = await together;

    expect(kills).toBeGreaterThan(1);
    expect(alone.searched?.trials).toHaveLength(14);
    expect(alone.searched?.trials.some(({ pruned }) => pruned)).toBe(true);
    expect(table(searched!.trials)).toEqual(table(alone.searched!.trials));
    expect(searched!.candidate).toEqual(alone.searched!.candidate);
    expect(searched!.metrics).toEqual(alone.searched!.metrics);
    const workers = new Set(searched!.trials.map(({ worker }) => worker));
    expect(workers.size).toBeGreaterThan(1);
  });
});

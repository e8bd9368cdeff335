import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TrialResult, trialKey } from "../../shared/contracts/optimizer.ts";
import { testContext } from "../../test/support/context.ts";
import { service } from "./main.ts";
import { env, kill, nats, people, startProcess, useProcesses } from "./processes.fixture.ts";
import { accept, applySpec, searchOutcome, testSpec } from "./search.fixture.ts";
import { plannedTrials, searchCutoffs, studyKey } from "./state.ts";
import { resultOf } from "./study.fixture.ts";
import { studies } from "./study.ts";

useProcesses();

describe("an optimizer that is killed", { timeout: 60_000 }, () => {
  it("is replaced: another one goes on with its run and tries its trial again (A-OPT-4, A-OPT-7)", async () => {
    // Trials long enough that the kill falls into one.
    const space = { context_length: [30, 60], num_samples: [10_000], temperature: [0.8, 1.2] };
    const spec = testSpec("killed", { space, backtest: "60d" }, { horizon: "10d" });
    await applySpec(people, spec);
    const child = await startProcess();
    const { run } = await accept(people, "killed");
    const states = people.bus.kv("states", z.object({ worker: z.string() }));
    await expect.poll(() => states.keys(`trial.${run}.*`), { timeout: 40_000 }).not.toEqual([]);
    await kill(child);
    const done = await states.entries(`trial.${run}.*`);
    expect(done.length).toBeLessThan(4);

    const heir = await testContext(nats, { name: "optimizer", env });
    const running = await service.start(heir);
    const { searched } = await searchOutcome(people, "killed", run);
    await running.stop();
    await heir[Symbol.asyncDispose]();
    expect(searched?.trials.map(({ number, rmse }) => [number, rmse !== null])).toEqual(
      [0, 1, 2, 3].map((n) => [n, true]),
    );
    const byDead = searched!.trials.filter(({ worker }) => worker !== heir.instance);
    expect(byDead.map(({ number }) => `trial.${run}.${number}`).sort()).toEqual(
      done.map(({ key }) => key).sort(),
    );
  });

  it("while the winner is trained once more, is replaced by one that knows every trial (A-OPT-7)", async () => {
    const space = { context_length: [14, 28], temperature: [1] };
    await applySpec(people, testSpec("trained", { space }, { model: { family: "linear" } }));
    const dying = await testContext(nats, {
      name: "optimizer",
      env: { ...env, RETUNE_OPTIMIZER_WORKERS: "0" },
    });
    const leading = await service.start(dying);
    const { run } = await accept(people, "trained");
    const bucket = studies(people);
    await expect.poll(() => bucket.get(studyKey(run)), { timeout: 40_000 }).toBeDefined();
    await leading.stop();
    await dying[Symbol.asyncDispose]();
    const { value: study, revision } = (await bucket.get(studyKey(run)))!;
    const results = people.bus.kv("states", TrialResult);
    for (const trial of plannedTrials(study)) {
      const done = resultOf({ trial, rung: 0, cutoffs: searchCutoffs(study), isLastRung: true });
      await results.create(trialKey(run, trial.number), done);
    }
    const final = { number: 1, started_at_ms: Date.now() };
    await bucket.update(studyKey(run), { ...study, final }, revision);

    const heir = await testContext(nats, { name: "optimizer", env });
    const running = await service.start(heir);
    const { searched, failed } = await searchOutcome(people, "trained", run);
    await running.stop();
    await heir[Symbol.asyncDispose]();
    expect(failed).toBeUndefined();
    expect(searched?.candidate).toMatchObject({ model: "linear", context_length: 28 });
    expect(searched?.trials.map(({ number }) => number)).toEqual([0, 1]);
  });

  it("stops in order when asked to, and exits 0", async () => {
    const child = await startProcess();
    await sleep(200); // it says that it has started just before it listens for signals
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });
});

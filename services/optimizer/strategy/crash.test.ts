import { describe, expect, it } from "vitest";
import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { subjects } from "../../../shared/contracts/subjects.ts";
import { kill, people, startProcess, useProcesses } from "../processes.fixture.ts";
import { accept, applySpec, searchOutcome } from "../search.fixture.ts";
import { coinBars, coinLive, coinRows, coinSpec } from "./strategy.fixture.ts";

const rows = coinRows(coinBars(60 * 24));
useProcesses((series, metric) => rows[`${series}.${metric}`] ?? []);

/** Trials enough that a kill falls between them. */
const spec = (forecaster: string) =>
  coinSpec({ forecaster, strategy: { ...coinSpec().strategy!, sampler: "random", trials: 500 } });

async function begin(forecaster: string): Promise<string> {
  await applySpec(people, spec(forecaster));
  await people.bus.kv("live-configs", LiveConfig).put(forecaster, coinLive({ forecaster }));
  return (await accept(people, forecaster, "strategy")).run;
}

describe("an optimizer that is killed while it tunes a strategy", { timeout: 60_000 }, () => {
  it("is replaced by one that finds the same, once (A-OPT-4, A-OPT-7)", async () => {
    const child = await startProcess();
    const undisturbed = await searchOutcome(people, "whole", await begin("whole"));

    const forecast = Promise.withResolvers<void>();
    const progress = people.bus.subscribeCore("progress.cut.>", () => forecast.resolve());
    await progress.ready;
    const run = await begin("cut");
    await forecast.promise;
    progress.stop();
    await kill(child);
    expect(await people.bus.lastMessage("DECISIONS", subjects.step("searched", "cut", run))).toBeUndefined();

    await startProcess();
    const { searched } = await searchOutcome(people, "cut", run);
    expect(searched!.strategy).toEqual(undisturbed.searched!.strategy);
    expect(searched!.dataset).toBe(undisturbed.searched!.dataset);
    let outcomes = 0;
    for await (const _ of people.bus.read("DECISIONS", { filter: `retrain.searched.*.${run}` }))
      outcomes += 1;
    expect(outcomes).toBe(1);
  });
});

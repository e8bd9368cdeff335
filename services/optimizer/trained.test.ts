import { readFile, rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBundle } from "../../shared/forecasting/bundle/bundle.ts";
import { makeTrainers } from "../../shared/forecasting/command/trainers.fixture.ts";
import { TEST_TIME_MS } from "../../test/support/context.ts";
import { people, search, useOptimizer } from "./optimizer.fixture.ts";
import { DAY_MS, dailyRows, testSpec } from "./search.fixture.ts";

let trainers: string;
beforeAll(async () => {
  const choices = ["nothing", "exits 1", "stops half-way"];
  const deed = {
    name: "deed",
    description: "what to do",
    kind: "choice",
    choices,
    default: "nothing",
  } as const;
  trainers = await makeTrainers({ one: { parameters: [deed] } });
  process.env.RETUNE_TRAINERS = trainers;
});
afterAll(() => rm(trainers, { recursive: true }));
useOptimizer({ daily: dailyRows(200, TEST_TIME_MS) });

const bundleOf = async (digest: string) =>
  readBundle(await readFile(await people.bus.artifacts.fetch(digest)), digest);
/** Days before the newest of `daily` at which the hold-out begins: as long as the backtest of 8 days. */
const beforeHoldout = new Date(TEST_TIME_MS - 9 * DAY_MS).toISOString();

describe("a search over trained models", { timeout: 60_000 }, () => {
  it("ends with the winner trained once more on all that the search may see (C-TRN-1)", async () => {
    const space = { context_length: [14, 28], num_samples: [20], temperature: [1] };
    const { searched } = await search(testSpec("linear", { space }, { model: { family: "linear" } }));
    expect(searched?.trials.map(({ training }) => training?.rows)).toEqual([
      expect.any(Number),
      expect.any(Number),
    ]);
    const { info } = await bundleOf(searched!.candidate.artifact!);
    expect(info).toMatchObject({ family: "linear", code_version: "test", trained_on: { to: beforeHoldout } });
    expect(info.params).toMatchObject({ context_length: searched!.candidate.context_length });
    expect(searched?.training).toMatchObject({ rows: info.trained_on.rows, metrics: info.metrics });
  });

  it("runs an external trainer for each trial; those it fails score infinite, with what it said", async () => {
    const space = {
      ...{ context_length: [14], num_samples: [20], temperature: [1] },
      model_params: { trainer: ["one"], deed: ["nothing", "exits 1", "stops half-way"] },
    };
    const spec = testSpec("external", { space, attempts: 1 }, { model: { family: "command" } });
    const { searched } = await search(spec);
    const errors = searched?.trials.map(({ error }) => error ?? "none");
    expect(errors).toEqual([
      "none",
      expect.stringMatching(/^trainer 'one' exited with code 1: the gradient exploded/),
      expect.stringMatching(/^trainer 'one' wrote no usable model: manifest\.json is missing/),
    ]);
    expect(searched?.candidate).toMatchObject({ model: "command", model_params: { deed: "nothing" } });
    const { info } = await bundleOf(searched!.candidate.artifact!);
    expect(info).toMatchObject({ family: "command", trained_on: { to: beforeHoldout } });
  });
});

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type FamilyName, familyOf } from "../../shared/forecasting/families.ts";
import { ROOT } from "../../shared/service.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { modelCheck } from "./check-model.ts";
import type { Remedy } from "./remedy.ts";
import { RunnerPool } from "./runner-pool.ts";
import { MODEL_PATH, testSpec } from "./search.fixture.ts";
import { storedModel } from "./study-sources.ts";

const T5_PATH = "models/random-t5";

let nats: TestNats;
let context: TestContext;
let runners: RunnerPool;
beforeAll(async () => {
  nats = await startTestNats();
  context = await testContext(nats, { name: "optimizer" });
  runners = new RunnerPool(1);
});
afterAll(async () => {
  await runners.close();
  await context[Symbol.asyncDispose]();
  await nats.stop();
});

/** A spec of an ensemble whose search may try `searched`, too. */
function ensembleSpec(path: string | undefined, searched?: readonly FamilyName[]): ForecasterSpec {
  const space = searched === undefined ? {} : { space: { model: searched } };
  return testSpec("f", space, { model: { family: "ensemble", path } });
}

/** What is stored for a run that may try `names`. */
async function stored(
  spec: ForecasterSpec,
  names: readonly FamilyName[],
  training: Remedy["training"] = "full",
) {
  const families = await Promise.all(names.map((name) => familyOf(name)));
  return storedModel(context, modelCheck(runners), spec, { families, training });
}

const file = { artifact: expect.stringMatching(/^sha256-/) };

describe("the model file of a study (E-ENS-1)", () => {
  it("is of the search's family where a live ensemble is trained anew, as it is stored for that one", async () => {
    const spec = ensembleSpec(T5_PATH, ["ensemble", "chronos-t5"]);
    expect(spec.model.foundation).toBe("chronos-bolt");
    const refitted = await stored(spec, ["ensemble"]);
    expect(refitted).toEqual({ artifacts: {}, pretrained: { ...file, family: "chronos-t5" } });
    const { artifact } = refitted.pretrained!;
    expect(await stored(spec, ["ensemble", "chronos-t5"])).toEqual({
      artifacts: { "chronos-t5": artifact },
      pretrained: { family: "chronos-t5", artifact },
    });
  });

  it("is of the family that the spec names where the search has none with a file", async () => {
    const { artifacts, pretrained } = await stored(ensembleSpec(MODEL_PATH), ["ensemble"]);
    expect(artifacts).toEqual({});
    expect(pretrained).toEqual({ ...file, family: "chronos-bolt" });
    const path = await context.bus.artifacts.fetch(pretrained!.artifact);
    expect(Buffer.compare(await readFile(path), await readFile(join(ROOT, MODEL_PATH)))).toBe(0);
  });

  it.each<[string, ForecasterSpec, readonly FamilyName[], Remedy["training"]]>([
    ["members only get new weights", ensembleSpec(MODEL_PATH), ["ensemble"], "reweigh"],
    ["the spec names no file", ensembleSpec(undefined), ["ensemble"], "full"],
    ["nobody takes one", ensembleSpec(MODEL_PATH), ["linear"], "full"],
  ])("is none where %s", async (_, spec, names, training) => {
    expect(await stored(spec, names, training)).toEqual({ artifacts: {}, pretrained: null });
  });
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explain } from "./errors.ts";
import { readSpecFiles } from "./spec-files.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-specs-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(text: string) {
  await writeFile(join(folder, "some.yaml"), `{forecaster: some, series: s, horizon: 7d, ${text}}`);
  return readSpecFiles(folder).catch(explain);
}

describe("a spec's search, when it is read", () => {
  it("may name what its families have", async () => {
    const text = "model: {family: linear}, search: {space: {model_params: {ridge: [0.1, 1]}}}";
    expect(await read(text)).toMatchObject([{ search: { space: { model_params: { ridge: [0.1, 1] } } } }]);
  });

  it("may name a trainer that only the optimizers' machines have", async () => {
    const text =
      "model: {family: command}, search: {space: {model_params: {trainer: [mine], alpha: [1, 10]}}}";
    expect(await read(text)).toMatchObject([{ model: { family: "command" } }]);
  });

  it.each([
    [
      "a parameter that no family has",
      "model: {family: linear}, search: {space: {model_params: {depth: [2]}}}",
      "model_params.depth has no effect on family 'linear'",
    ],
    [
      "samples of a family that draws none",
      "model: {family: ets}, search: {space: {num_samples: [50, 100]}}",
      "search.space.num_samples has no effect on family 'ets'",
    ],
    [
      "a value out of a family's bounds",
      "search: {space: {model: [chronos-bolt, linear], model_params: {ridge: [1000]}}}",
      "model_params.ridge: 1000, expected numbers from",
    ],
    [
      "a grid of numbers without steps",
      "search: {sampler: grid, space: {temperature: {min: 0.5, max: 1.5}}}",
      "search.sampler: grid needs values or a step for each range of search.space",
    ],
    [
      "more points than a trial table holds",
      "search: {space: {context_length: {min: 8, max: 2000}, num_samples: [50], temperature: [1]}}",
      "the search has 1993 points, at most 1000 are possible",
    ],
  ])("is refused with the file and the field for %s", async (_, text, expected) => {
    const said = await read(text);
    expect(said).toContain("some.yaml: the search makes no sense: ");
    expect(said).toContain(expected);
  });
});

import { copyFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidInputError } from "../../shared/errors.ts";
import { ROOT } from "../../shared/service.ts";
import { modelCheck } from "./check-model.ts";
import { modelFile } from "./model-file.ts";
import { RunnerPool } from "./runner-pool.ts";
import { MODEL_PATH, testSpec } from "./search.fixture.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const dirs = () => ({ root: at("root"), data: at("data"), configs: at("configs") });
const specOf = (path: string) => testSpec("f", {}, { model: { family: "chronos-bolt", path } });
const fileOf = (path: string) => modelFile(dirs(), specOf(path), "chronos-bolt");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-models-"));
  for (const each of ["root", "data", "configs", "root-of-another", "root/models"]) await mkdir(at(each));
  for (const each of ["root/models/a.onnx", "data/b.onnx", "configs/c.onnx", "secret", "root-of-another/x"])
    await writeFile(at(each), "bytes");
  await symlink(at("secret"), at("data/link"));
  await symlink(at("data/b.onnx"), at("root/models/inside"));
  await writeFile(at("data/big.onnx"), "");
  await truncate(at("data/big.onnx"), 2 ** 30 + 1);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the model file of a spec", () => {
  it.each<[string, () => string, () => string]>([
    ["in the project", () => "models/a.onnx", () => at("root/models/a.onnx")],
    ["in the data folder, by its whole path", () => at("data/b.onnx"), () => at("data/b.onnx")],
    ["in the data folder, from the project", () => "../data/b.onnx", () => at("data/b.onnx")],
    ["in the configs", () => at("configs/c.onnx"), () => at("configs/c.onnx")],
    ["behind a link within them", () => "models/inside", () => at("data/b.onnx")],
  ])("is taken %s", async (_, path, expected) => {
    expect(await fileOf(path())).toBe(expected());
  });

  it.each<[string, () => string, RegExp]>([
    ["outside, by its whole path", () => at("secret"), /lies outside the project/],
    ["outside, by dots", () => "../secret", /lies outside the project/],
    ["outside, by the same beginning", () => "../root-of-another/x", /lies outside the project/],
    ["outside, behind a link", () => at("data/link"), /lies outside the project/],
    ["a device", () => "/dev/zero", /lies outside the project/],
    ["not there", () => "models/none", /cannot be read: ENOENT/],
    ["a folder", () => "models", /is no plain file/],
    ["larger than 1 GiB", () => at("data/big.onnx"), /has 1073741825 bytes, at most 1073741824/],
  ])("is refused %s, with forecaster, field and value", async (_, path, fault) => {
    const asked = fileOf(path());
    await expect(asked).rejects.toThrow(InvalidInputError);
    await expect(asked).rejects.toThrow(`spec 'f': model.path '${path()}' `);
    await expect(asked).rejects.toThrow(fault);
  });
});

describe("the look at a model before it is stored", () => {
  it("lets a model pass, and refuses what the family cannot use by name", async () => {
    const runners = new RunnerPool(1);
    const check = modelCheck(runners);
    const path = at("data/mended.onnx");
    await writeFile(path, "no model");
    const refused = check(path, specOf(path), "chronos-bolt");
    await expect(refused).rejects.toThrow(InvalidInputError);
    await expect(refused).rejects.toThrow(
      `spec 'f': model.path '${path}' is no model that family 'chronos-bolt' can use: `,
    );
    await copyFile(join(ROOT, MODEL_PATH), path);
    await expect(check(path, specOf(relative(ROOT, path)), "chronos-bolt")).resolves.toBeUndefined();
    expect(runners.busy).toBe(0);
    await runners.close();
  });
});

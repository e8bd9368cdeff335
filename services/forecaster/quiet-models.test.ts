import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../../shared/service.ts";

const MODEL = join(ROOT, "models/tiny-bolt/model.onnx");

/** How a forecaster opens models, and how everything else does. */
const WAYS = {
  "in a model thread": `
    const { ThreadedModelHost } = await import("${moduleUrl("./model-host.ts")}");
    const host = new ThreadedModelHost(1);
    await host.open("chronos-bolt", "${MODEL}");
    await host.close();`,
  "in its only thread": `
    const { loadOnnxModel } = await import("${moduleUrl("../../shared/forecasting/onnx-model.ts")}");
    await (await loadOnnxModel("${MODEL}")).release();`,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-quiet-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

// onnxruntime 1.29 and later writes its reports to a database before it sends them.
describe.skipIf(process.platform === "win32")("a process that opens models", () => {
  it.each(Object.entries(WAYS))("leaves no report for the makers of onnxruntime, %s", async (_, code) => {
    const [home, temporary] = [join(folder, "home"), join(folder, "temporary")];
    await Promise.all([mkdir(home), mkdir(temporary)]);
    // no variable that onnxruntime takes for a sign of tests or CI, where it is quiet by itself
    const env = { PATH: process.env.PATH, HOME: home, TMPDIR: temporary };
    await promisify(execFile)(process.execPath, ["--eval", code], { env });
    expect(await readdir(home)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
  });
});

function moduleUrl(path: string): string {
  return new URL(path, import.meta.url).href;
}

import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { InvalidInputError } from "../errors.ts";
import { type BacktestData, backtest, oneSeries } from "./backtest.ts";
import { type BacktestJob, BacktestRunner, OutOfMemoryError, type TrainingJob } from "./backtest-pool.ts";
import { readBundle } from "./bundle/bundle.ts";
import { makeTrainers } from "./command/trainers.fixture.ts";
import { openFamily } from "./families.ts";

const DAY_MS = 86_400_000;
const grid = { stepMs: DAY_MS, calendar: "all" } as const;
const values = Float64Array.from({ length: 200 }, (_, t) => 50 + 8 * Math.sin(t) + Math.sin(t / 9) * 4);
const times = values.map((_, t) => t * DAY_MS);
const data = oneSeries(values, 1, { times, grid });
const params = { context_length: 30, num_samples: 20, temperature: 1 };
const train = { end: 180, codeVersion: "test" };
const training: TrainingJob = { family: "linear", data, horizon: 5, params, seed: 1, train };
const job: BacktestJob = {
  ...{ family: "linear", data, train },
  plan: { cutoffs: [185, 179, 190], horizon: 5 },
  spec: { ...params, seed: 1 },
};

let trainers: string;
const shared = new BacktestRunner();
const runners: BacktestRunner[] = [];
function runner(options?: ConstructorParameters<typeof BacktestRunner>[0]): BacktestRunner {
  const made = new BacktestRunner(options);
  runners.push(made);
  return made;
}
beforeAll(async () => {
  const choices = ["hangs", "takes memory"];
  const deed = { name: "deed", description: "wrong", kind: "choice", choices, default: "hangs" } as const;
  trainers = await makeTrainers({ bad: { parameters: [deed], memory_mb: 160 } });
  process.env.RETUNE_TRAINERS = trainers;
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((made) => made.close()));
});
afterAll(async () => {
  await shared.close();
  await rm(trainers, { recursive: true });
});

describe("a backtest that trains its model first", () => {
  it("finds what the trained artifact finds, and trains the same model once", async () => {
    const worker = shared;
    const first = await worker.evaluate(job);
    const again = await worker.evaluate({ ...job, plan: { ...job.plan, cutoffs: [181] } });
    const other = await worker.evaluate({ ...job, train: { ...train, end: 170 } });
    expect(first.training).toMatchObject({ rows: expect.any(Number), training_ms: expect.any(Number) });
    expect(again.training).toEqual(first.training);
    expect(other.training).not.toEqual(first.training);

    const { bundle } = await worker.train(training);
    expect(readBundle(bundle, "trained").info).toMatchObject({
      family: "linear",
      code_version: "test",
      parent: null,
    });
    const model = await openFamily("linear", bundle);
    const here = await backtest(model, data, job.plan, job.spec);
    await model.release();
    expect(first.losses).toEqual(here.losses);
    expect(first.rmse).toBe(here.rmse);
  });

  it("trains one model for configurations that differ in draws or spread alone", async () => {
    const worker = runner();
    const first = await worker.evaluate(job);
    const narrow = await worker.evaluate({
      ...job,
      spec: { ...job.spec, temperature: 0.01, num_samples: 50 },
    });
    expect(narrow.training).toEqual(first.training);
    expect(narrow.rmse).toBe(first.rmse);
    expect(narrow.coverage).toBeLessThan(first.coverage!);
    const params = { ...training.params, temperature: 2 };
    expect((await worker.train({ ...training, params })).bundle).toEqual(
      (await shared.train(training)).bundle,
    );
  });

  it("has no way to see what lies after the end of training: the bundle is the same, byte for byte", async () => {
    const changed = oneSeries(
      values.map((value, t) => (t < 180 ? value : -value)),
      1,
      { times, grid },
    );
    const [a, b] = [await shared.train(training), await runner().train({ ...training, data: changed })];
    expect(b.bundle).toEqual(a.bundle);
    expect(readBundle(a.bundle, "a").info.trained_on.to).toBe(new Date(179 * DAY_MS).toISOString());
  });

  it("goes on from a parent, whose digest the bundle names (D-TRN-1)", async () => {
    const folder = await mkdtemp(join(tmpdir(), "retune-parent-"));
    const path = join(folder, "bundle");
    await writeFile(path, (await shared.train(training)).bundle);
    const digest = `sha256-${"1".repeat(64)}`;
    const follow = { ...train, end: 185, parent: { path, digest } };
    const { bundle: second } = await shared.train({ ...training, train: follow });
    expect(readBundle(second, "second").info.parent).toBe(digest);
    await rm(folder, { recursive: true });
  });

  it.each<[string, Partial<BacktestJob>, RegExp]>([
    [
      "training beyond the first cutoff",
      { train: { ...train, end: 181 } },
      /behind the first cutoff 179: it would know/,
    ],
    ["training on nothing", { train: { ...train, end: 0 } }, /training steps are 0 … 0/],
    ["data without times", { data: oneSeries(values, 1) }, /no times and no grid/],
  ])("refuses %s", async (_, over, words) => {
    const refused = shared.evaluate({ ...job, ...over });
    await expect(refused).rejects.toThrow(InvalidInputError);
    await expect(refused).rejects.toThrow(words);
  });

  it("trains no family that is not trained", async () => {
    await expect(shared.train({ ...training, family: "last-value" })).rejects.toThrow(/cannot be trained/);
    expect((await shared.evaluate({ ...job, family: "last-value" })).training).toBeUndefined();
  });
});

describe("a training that goes wrong", () => {
  const bad = (deed: string): TrainingJob => ({
    ...training,
    family: "command",
    params: { ...params, model_params: { trainer: "bad", deed } },
  });

  it("takes its external trainer and its files with it when its process is killed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "retune-kill-"));
    const { TMPDIR } = process.env;
    process.env.TMPDIR = folder;
    const doomed = runner();
    const refused = expect(doomed.train(bad("hangs"))).rejects.toThrow("time is up");
    const working = async () => (await readdir(folder)).filter((name) => name.startsWith("retune-training-"));
    const isStarted = async () => existsSync(join(folder, (await working())[0] ?? "none", "started"));
    await expect.poll(isStarted, { timeout: 15_000 }).toBe(true);
    await doomed.abort("time is up");
    await refused;
    await expect.poll(working, { timeout: 5_000 }).toEqual([]);
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    await rm(folder, { recursive: true });
  });

  it.skipIf(process.platform !== "linux")("says that memory ran out, wherever it did (A-OPT-4)", async () => {
    await expect(shared.train(bad("takes memory"))).rejects.toThrow(OutOfMemoryError);
    // 320 MB of typed arrays, of which V8's heap limit knows nothing, and work for longer than between two looks.
    const large = oneSeries(new Float64Array(40_000_000), 1);
    const plan = { cutoffs: Array.from({ length: 30_000 }, () => 190), horizon: 5 };
    const small = runner({ memoryLimitMb: 64 });
    const family = "last-value";
    expect((await small.evaluate({ ...job, family, plan })).windows).toBe(30_000);
    await expect(small.evaluate({ ...job, family, plan, data: large })).rejects.toThrow(OutOfMemoryError);
    expect((await small.evaluate({ ...job, family })).windows).toBe(3);
  });
});

describe("a backtest of a fleet", () => {
  const late = values.map((value, t) => (t < 186 ? Number.NaN : value * 3));
  const fleet: BacktestData = {
    series: [
      { entity: "a", values },
      { entity: "b", values: values.map((value) => 2 * value) },
      { entity: "late", values: late },
    ],
    ...{ times, grid, seasonLength: 1 },
  };
  const plan = { cutoffs: [185, 179, 190], horizon: 5 };

  it("has one loss a cutoff: the mean over the series that are there, whoever they are", async () => {
    const model = await openFamily("last-value");
    const alone = await Promise.all(
      fleet.series.map((each) =>
        backtest(model, { ...fleet, series: [each] }, plan, job.spec).catch(() => undefined),
      ),
    );
    const together = await backtest(model, fleet, plan, job.spec);
    const [a, b] = [alone[0]!.losses, alone[1]!.losses];
    expect(together.losses[0]).toBeCloseTo((a[0]! + b[0]!) / 2, 9); // one cutoff has no "late" yet
    expect(together.losses[1]).toBeCloseTo((a[1]! + b[1]!) / 2, 9);
    const newest = await backtest(
      model,
      { ...fleet, series: [fleet.series[2]!] },
      { ...plan, cutoffs: [190] },
      job.spec,
    );
    expect(together.losses[2]).toBeCloseTo((a[2]! + b[2]! + newest.losses[0]!) / 3, 9);
    expect(together.sums.map((sums) => sums?.n)).toEqual([10, 10, 15]);
  });

  it("trains one model of all and forecasts each", async () => {
    const trained = await shared.evaluate({ ...job, data: fleet });
    expect(trained.losses.every((loss) => loss !== null && loss < 1_000)).toBe(true);
    expect(trained.training?.rows).toBeGreaterThan(0);
  });

  it("refuses series that are not on one grid", async () => {
    const uneven = { ...fleet, series: [...fleet.series, { entity: "short", values: values.slice(1) }] };
    const model = await openFamily("last-value");
    await expect(backtest(model, uneven, plan, job.spec)).rejects.toThrow(
      /200 and 199 steps, expected one grid/,
    );
  });
});

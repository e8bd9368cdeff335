import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { InvalidInputError, UnavailableError } from "../../errors.ts";
import { OutOfMemoryError } from "../backtest-messages.ts";
import { packBundle } from "../bundle/bundle.ts";
import type { ModelFamily, TrainingRequest } from "../family.ts";
import type { TrainerFile } from "./contract.ts";
import { TrainerFailedError } from "./errors.ts";
import { commandFamilyOf } from "./family.ts";
import { makeTrainers } from "./trainers.fixture.ts";
import { allowedTrainers } from "./trainers.ts";

const DAY_MS = 86_400_000;
const end = Date.parse("2024-03-01T00:00:00Z");
const values = Float64Array.from({ length: 40 }, (_, t) => (t === 5 ? Number.NaN : 10 + t));
const homes: string[] = [];

let temporary: string;
let before: string | undefined;
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), "retune-command-"));
  before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
});
afterEach(async () => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  const left = (await readdir(temporary)).filter((name) => name.startsWith("retune-training-"));
  await rm(temporary, { recursive: true });
  expect(left).toEqual([]); // whatever happened, nothing stays behind
});
afterAll(() => Promise.all(homes.map((home) => rm(home, { recursive: true, force: true }))));

function request(deed: string, over: Partial<TrainingRequest> = {}): TrainingRequest {
  return {
    series: [{ entity: null, values, endMs: end }],
    grid: { stepMs: DAY_MS, calendar: "all" },
    ...{ horizon: 3, seasonLength: 1, seed: 4, parent: null },
    params: { context_length: 8, num_samples: 20, temperature: 1, model_params: { trainer: "one", deed } },
    ...over,
  };
}

async function familyWith(trainer: Partial<TrainerFile> = {}): Promise<ModelFamily> {
  const home = await makeTrainers({ one: trainer });
  homes.push(home);
  return commandFamilyOf(allowedTrainers({ RETUNE_TRAINERS: home }));
}

const spec = { context_length: 8, num_samples: 5, temperature: 1, seed: 1 };

describe("a trainer that does as it should", () => {
  let family: ModelFamily;
  beforeAll(async () => {
    family = await familyWith({ dataset: "csv", env: { LEARNING: "slow" } });
  });

  it("gives a bundle that says where it comes from, the same each time, and forecasts (C-TRN-1)", async () => {
    const bundle = await family.train!(request("nothing"));
    expect(bundle.info).toMatchObject({
      ...{ family: "command", seed: 4, metrics: { steps: 40 } },
      trained_on: { from: "2024-01-22T00:00:00.000Z", to: "2024-03-01T00:00:00.000Z", entities: 0, rows: 40 },
    });
    const packed = packBundle(bundle);
    expect(packBundle(await family.train!(request("nothing")))).toEqual(packed);
    const model = await family.open(packed, {});
    const contexts = [Float32Array.of(1, 2, 3, Number.NaN, 5), Float32Array.from(values)];
    const [short, long] = await model.predictQuantiles(contexts, { ...spec, horizon: 2 });
    expect([...short!.values].map((value) => Math.fround(value))).toEqual(
      [4.6, 5, 5.4, 4.6, 5, 5.4].map(Math.fround),
    );
    expect(long!.values[1]).toBe(49);
    await expect(model.predictQuantiles(contexts, { ...spec, horizon: 4 })).rejects.toThrow(
      /trained for 3 steps/,
    );
    await model.release();
  });

  it("gets the data, the request and no more of our environment than programs need", async () => {
    process.env.NATS_PASSWORD = "secret";
    const fleet = ["a", 'b "2"'].map((entity) => ({ entity, values: values.slice(0, 8), endMs: end }));
    const bundle = await family.train!(request("tells what it got", { series: fleet }));
    delete process.env.NATS_PASSWORD;
    const told = JSON.parse(new TextDecoder().decode(bundle.files.get("mapping.json")));
    expect(told.argv).toEqual(["request.json"]);
    expect(told.request).toMatchObject({
      ...{
        format: 1,
        horizon: 3,
        context_length: 8,
        season_length: 1,
        step_ms: DAY_MS,
        calendar: "all",
        seed: 4,
      },
      dataset: { path: "dataset.csv", format: "csv", steps: 8, entities: ["a", 'b "2"'] },
      ...{ artifact: "artifact", parent: null, params: { deed: "tells what it got" }, time_limit_s: 600 },
    });
    expect(told.rows.slice(0, 2)).toEqual(["ts,entity,value", `${end - 7 * DAY_MS},"a",10`]);
    expect(told.rows[6]).toBe(`${end - 2 * DAY_MS},"a",`); // missing
    expect(told.rows.at(-1)).toBe(`${end},"b ""2""",17`);
    expect(told.env).toContain("LEARNING");
    expect(told.env.filter((name: string) => /NATS|RETUNE_(?!TRAINER$)/.test(name))).toEqual([]);
  });

  it("is given the model that it is to go on from (D-TRN-1)", async () => {
    const parent = await family.train!(request("nothing"));
    const bundle = await family.train!(request("tells what it got", { parent }));
    const told = JSON.parse(new TextDecoder().decode(bundle.files.get("mapping.json")));
    expect(told.request.parent).toBe("parent");
    expect(told.parent).toEqual(["manifest.json", "metadata.json", "model.onnx"]);
  });

  it("may ask for the entity's number; one it does not know has a number of its own (C-TRN-1)", async () => {
    const series = ["a", "b"].map((entity) => ({ entity, values, endMs: end }));
    const bundle = await family.train!(request("entities", { series }));
    expect(bundle.info.vocabulary).toEqual(["a", "b"]);
    const model = await family.open(packBundle(bundle), {});
    const infos = ["b", "a", "new"].map((entity) => ({ entity, endMs: end }));
    const contexts = infos.map(() => Float32Array.from(values));
    const found = await model.predictQuantiles(contexts, { ...spec, horizon: 1, series: infos });
    expect(found.map((each) => each.values[1])).toEqual([2049, 1049, 3049]);
    await model.release();
  });

  it("starts in a folder of its own, and clears away what a killed process had left", async () => {
    const [old, fresh] = ["retune-training-old", "retune-training-fresh"].map((name) =>
      join(temporary, name),
    );
    for (const path of [old!, fresh!]) await mkdir(path);
    await utimes(old!, 0, 0); // no training lasts this long
    await family.train!(request("nothing"));
    expect([existsSync(old!), existsSync(fresh!)]).toEqual([false, true]);
    await rm(fresh!, { recursive: true });
  });

  it("leaves no process behind", async () => {
    await expect(family.train!(request("leaves a helper"))).resolves.toBeDefined(); // would wait for its output
  });
});

describe("a trainer that does not", () => {
  it.each<[deed: string, new (...args: never[]) => Error, RegExp]>([
    [
      "exits 1",
      TrainerFailedError,
      /^trainer 'one' exited with code 1: the gradient exploded\nbefore that: first$/,
    ],
    ["kills", TrainerFailedError, /was ended by SIGTERM, and said nothing/],
    ["refuses parameters", InvalidInputError, /refused its parameters/],
    ["refuses data", InvalidInputError, /cannot learn from the data/],
    ["asks again", UnavailableError, /asks to be tried again/],
    [
      "stops half-way",
      TrainerFailedError,
      /no usable model: manifest\.json is missing, expected model\.onnx, /,
    ],
    ["forgets metadata", TrainerFailedError, /metadata\.json .*rows/s],
    ["writes no ONNX", TrainerFailedError, /model\.onnx cannot be used: .*is not an ONNX file/],
    ["cuts the model", TrainerFailedError, /model\.onnx cannot be used: .*truncated or damaged/],
    [
      "has another shape",
      TrainerFailedError,
      /gave float32\[2,4,3\], its manifest promises float32\[2,3,3\]/,
    ],
    ["has another input", TrainerFailedError, /has inputs context .*promises history/],
    ["sees too near", TrainerFailedError, /manifest\.json has horizon 2, expected at least 3/],
    ["links elsewhere", TrainerFailedError, /mapping\.json is no plain file/],
    ["talks a lot", TrainerFailedError, /exited with code 3: line 19999 x{50}\nbefore that: /],
  ])("is told apart: %s", async (deed, kind, words) => {
    const family = await familyWith();
    const error: unknown = await family.train!(request(deed)).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toMatch(words);
    expect((error as Error).message.length).toBeLessThan(1_500);
  });

  it("is ended when it hangs, with whatever it started", async () => {
    const family = await familyWith({ time_limit: "2500ms" });
    const error: unknown = await family.train!(request("hangs")).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(TrainerFailedError);
    expect((error as Error).message).toMatch(/was ended after its time limit of 2500ms: helper \d+$/);
    const helper = Number(/helper (\d+)$/.exec((error as Error).message)?.[1]);
    await expect.poll(() => isRunning(helper)).toBe(false);
  });

  it.each([["writes one big file"], ["writes many files"]])("is ended when it %s", async (deed) => {
    const family = await familyWith({ output_mb: 1 });
    const error: unknown = await family.train!(request(deed)).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(TrainerFailedError);
    // One file cannot grow beyond the limit: the trainer is told so and fails by itself.
    expect((error as Error).message).toMatch(/wrote more than 1 MB|EFBIG/);
  });

  it.skipIf(process.platform !== "linux")(
    "is ended when it takes more memory than it may (A-OPT-4)",
    async () => {
      const family = await familyWith({ memory_mb: 160 });
      const error: unknown = await family.train!(request("takes memory")).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(OutOfMemoryError);
      expect((error as Error).message).toMatch(/took more than 160 MB/);
    },
  );

  it("cannot be run at all: its program is not there", async () => {
    const family = await familyWith({ command: ["no-such-program"] });
    await expect(family.train!(request("nothing"))).rejects.toThrow(
      /trainer 'one': command 'no-such-program' cannot be run: .*not found/,
    );
  });

  it("cannot be given its data: the disk takes none", async () => {
    const family = await familyWith();
    process.env.TMPDIR = join(temporary, "nowhere");
    const failed = family.train!(request("nothing"));
    await expect(failed).rejects.toThrow(UnavailableError);
    await expect(failed).rejects.toThrow(/data for a trainer cannot be written to '.*nowhere': ENOENT/);
  });
});

describe("which commands may run", () => {
  it("is said by this machine alone: a spec can but name one of its trainers", async () => {
    const family = await familyWith();
    for (const trainer of ["two", "../one", "/bin/sh", "one; rm", 1]) {
      const params = { ...request("nothing").params, model_params: { trainer } };
      await expect(family.train!(request("nothing", { params }))).rejects.toThrow(
        `model_params.trainer is '${trainer}', expected one of one`,
      );
    }
  });

  it("none where RETUNE_TRAINERS is not set", async () => {
    const family = commandFamilyOf(allowedTrainers({}));
    await expect(family.train!(request("nothing"))).rejects.toThrow(
      /RETUNE_TRAINERS allows none on this machine/,
    );
  });

  it.each<[string, object, RegExp]>([
    [
      "a file outside its folder",
      { command: ["python3", "./../../x.py"] },
      /expected a file of the trainer's folder/,
    ],
    ["an unknown field", { user: "root" }, /user/],
    ["more than four hours", { time_limit: "5h" }, /time_limit is 5h, expected at most 4h/],
    ["no command", { command: [] }, /command/],
  ])("is refused with the file's name: %s", async (_, over, words) => {
    const home = await makeTrainers({ one: over });
    homes.push(home);
    const read = () => allowedTrainers({ RETUNE_TRAINERS: home });
    expect(read).toThrow(InvalidInputError);
    expect(read).toThrow(join(home, "one", "trainer.json"));
    expect(read).toThrow(words);
  });

  it("is searched by what the trainers declare, and nothing else", async () => {
    const family = await familyWith();
    expect(family.parameters.map(({ name }) => name)).toEqual(["trainer", "deed"]);
    expect(family.parameters[0]).toMatchObject({ kind: "choice", choices: ["one"], default: "one" });
    const home = await makeTrainers({
      one: {},
      two: { parameters: [{ ...alpha, default: 2 }] },
      three: { parameters: [alpha] },
    });
    homes.push(home);
    expect(() => commandFamilyOf(allowedTrainers({ RETUNE_TRAINERS: home }))).toThrow(
      /parameter 'alpha' of another kind/,
    );
  });

  it("refuses a RETUNE_TRAINERS that is no folder", async () => {
    const file = join(temporary, "file");
    await writeFile(file, "");
    expect(() => allowedTrainers({ RETUNE_TRAINERS: file })).toThrow(
      /RETUNE_TRAINERS is '.*file': .*expected a folder/,
    );
    await rm(file);
  });
});

const alpha = { name: "alpha", description: "penalty", kind: "float", min: 0, max: 9, default: 1 } as const;

function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return !/\) [ZX] /.test(stat); // a zombie has ended; whoever adopted it has not looked yet
}

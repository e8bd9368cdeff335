import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSmtp, startWebhook } from "../../services/notifier/doors.fixture.ts";
import { DeadLetter } from "../../shared/contracts/alerts.ts";
import { CloudEvent } from "../../shared/contracts/envelope.ts";
import { WindowReply } from "../../shared/contracts/inference-buffer.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { Prediction, PredictReply } from "../../shared/contracts/telemetry.ts";
import { levelGraph } from "../../shared/forecasting/onnx-graphs.fixture.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { ROOT } from "../../shared/service.ts";
import { disagreements, terminalSteps } from "../support/agreement.ts";
import { retune, startSystem } from "../support/system.ts";
import { createWorld, series, testSpec, type World, withSamples } from "../support/world.ts";

// What one service alone has to do with bad input is proved beside it:
// services/inference-buffer/intake/validate.test.ts (every field), services/forecaster/hot-swap-live.test.ts
// (models that do not load), services/deployer/*.test.ts (a full disk at each step, hooks, locks, no git),
// services/notifier/deliver.test.ts (giving up). Here each kind of bad input meets the whole system, which has to
// say so and go on.

const HOUR_MS = 3_600_000;
const forecaster = "sturdy";
const model = join(ROOT, "models", "tiny-bolt", "model.onnx");

describe("bad input to the whole system: a clear error, and the loop goes on", () => {
  let world: World;
  let system: Awaited<ReturnType<typeof startSystem>>;
  let smtp: Awaited<ReturnType<typeof startSmtp>>;
  let webhook: Awaited<ReturnType<typeof startWebhook>>;
  let samples = 30;
  const end = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  const hour = (ahead: number) => new Date(end + ahead * HOUR_MS).toISOString();
  const disks: string[] = [];

  beforeAll(async () => {
    const search = {
      ...testSpec(forecaster).search,
      space: { context_length: [96], num_samples: [20], temperature: [1] },
      attempts: 1,
    };
    const watch = { duration: "600ms", every: "200ms", failures: 3 };
    world = await createWorld([testSpec(forecaster, { search, watch })]);
    for (const folder of [join(world.data, "history"), join(world.configs, "live")]) {
      await mkdir(folder, { recursive: true });
      if (await mounted(folder)) disks.push(folder);
    }
    await world.bus.publishTelemetry("observation", "load", series(900, end - 20 * HOUR_MS), "history");
    [smtp, webhook] = [await startSmtp(), await startWebhook(500, 500)];
    smtp.refuse(true);
    system = await startSystem(world, {
      SMTP_HOST: "127.0.0.1",
      SMTP_PORT: String(smtp.port),
      ALERT_EMAIL_TO: "ops@example.org",
      SLACK_WEBHOOK_URL: webhook.url,
    });
    const first = await world.until("the first deployment", (runs) => runs.find(({ terminal }) => terminal));
    expect(first.state).toBe("verified");
  });
  afterAll(async () => {
    await system.stop();
    for (const disk of disks) execFileSync("umount", [disk]);
    await Promise.all([smtp.stop(), webhook.stop()]);
    await world[Symbol.asyncDispose]();
  });

  const live = () => world.bus.kv("live-configs", LiveConfig).get(forecaster);

  /** A good request: what was refused before must not stand in its way. */
  async function goesOn(): Promise<void> {
    samples += 1;
    await world.changeSpec(forecaster, withSamples(samples));
    const run = await world.request(forecaster);
    expect([run.state, terminalSteps(run)]).toEqual(["verified", ["verified"]]);
    expect((await live())?.value.run_id).toBe(run.run_id);
  }

  async function deadLetter(stream: "DECISIONS" | "TELEMETRY", durable: string, sequence: number) {
    const subject = subjects.alert("raised", "dead-letter", `${stream}-${durable}-${sequence}`);
    const read = () => world.bus.lastMessage("DECISIONS", subject);
    await expect.poll(read, { timeout: 10_000, message: subject }).toBeDefined();
    return DeadLetter.parse(CloudEvent.parse((await read())!.json()).data);
  }

  const store = (subject: string, payload: string) => world.bus.store(subject, payload, newUuidV7());

  async function quarantined(sequence: number): Promise<string[]> {
    const folder = join(world.data, "quarantine");
    const texts = await Promise.all(
      (await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")),
    );
    const lines = texts.join("").trim().split("\n");
    return lines
      .map((line) => JSON.parse(line) as { seq: number; reason: string })
      .filter(({ seq }) => seq === sequence)
      .map(({ reason }) => reason);
  }

  const load = () =>
    world.bus.request("inference-buffer.window", { series: "load", metric: "value" }, WindowReply);

  async function forecastAfter(ts: string): Promise<void> {
    const newest = async () => {
      const message = await world.bus.lastMessage("TELEMETRY", `telemetry.prediction.${forecaster}`);
      return message === undefined ? undefined : Prediction.parse([message.json()].flat()[0]).issued_at;
    };
    await expect.poll(newest, { timeout: 10_000 }).toBe(ts);
  }

  it("an observation that is no JSON is a dead letter, whole, and the next one is forecast from", async () => {
    const sequence = await store("telemetry.observation.load", '{"ts":');
    const letter = await deadLetter("TELEMETRY", "inference-buffer", sequence);
    expect(letter.error).toContain("payload on 'telemetry.observation.load'");
    expect(Buffer.from(letter.payload, "base64").toString()).toBe('{"ts":');
    await store(
      "telemetry.observation.load",
      JSON.stringify({ ts: hour(-19), values: { value: 110 }, note: "unknown fields are kept" }),
    );
    await forecastAfter(hour(-19));
  });

  it("absurd values and times are quarantined with field, value and expectation; their neighbours count", async () => {
    const { rows } = await load();
    const bad: [object | string | number | null, RegExp][] = [
      [{ ts: hour(-18), values: { value: null } }, /values\.value is null/],
      [{ ts: hour(-18), values: { value: "12" } }, /values\.value is "12"/],
      [{ ts: hour(-18), values: { value: 1e308 } }, /values\.value is 1e\+308/],
      [{ ts: hour(-18), values: {} }, /values/],
      [{ ts: hour(25), values: { value: 100 } }, /ts is .*at most a day after/],
      [{ ts: "soon", values: { value: 100 } }, /ts is "soon"/],
      [{ values: { value: 100 } }, /ts is missing/],
      [null, /record is null/],
      [7, /record is 7/],
      ["NaN", /record is "NaN"/],
    ];
    const good = { ts: hour(-18), values: { value: 111 } };
    const sequence = await store(
      "telemetry.observation.load",
      JSON.stringify([...bad.map(([record]) => record), good]),
    );
    await forecastAfter(hour(-18));
    expect((await load()).rows).toBe(rows + 1);
    expect(await quarantined(sequence)).toEqual(bad.map(([, reason]) => expect.stringMatching(reason)));
    const { predictions } = await world.bus.request(subjects.predict(forecaster), undefined, PredictReply);
    for (const { mean } of predictions) expect(mean).toSatisfy((each: number) => each > 0 && each < 1_000);
  });

  it("a value out of a spec's bounds is quarantined, and forecasts go on without it", async () => {
    await world.changeSpec(forecaster, (spec) => ({ ...spec, bounds: { min: 0, max: 1_000 } }));
    const publish = () =>
      store("telemetry.observation.load", JSON.stringify({ ts: hour(-17), values: { value: -5 } }));
    const reasons = async () => {
      const sequence = await publish();
      await load(); // by then the message is on disk
      return quarantined(sequence);
    };
    // The buffer takes a spec up a moment after it was written; what came before counts by the old one.
    await expect
      .poll(reasons, { timeout: 10_000 })
      .toEqual([expect.stringMatching(/value is -5: expected 0 to 1000/)]);
    await store("telemetry.observation.load", JSON.stringify({ ts: hour(-17), values: { value: 112 } }));
    await forecastAfter(hour(-17));
  });

  it("a repeated and a late observation change no count and no forecast", async () => {
    const at = (ahead: number, value: number) => JSON.stringify({ ts: hour(ahead), values: { value } });
    await store("telemetry.observation.load", at(-14, 109));
    await forecastAfter(hour(-14));
    const { rows } = await load();
    await store("telemetry.observation.load", at(-14, 109));
    await store("telemetry.observation.load", at(-15, 108));
    await store("telemetry.observation.load", at(-16, 107));
    await store("telemetry.observation.load", at(-13, 106));
    await forecastAfter(hour(-13));
    const { rows: after, to } = await load();
    expect([after, to]).toEqual([rows + 3, hour(-13)]);
  });

  it("a request that is no JSON is a dead letter; one for nobody is refused; a good one runs", async () => {
    const sequence = await store("retrain.request", '{"forecaster":');
    expect((await deadLetter("DECISIONS", "trigger-requests", sequence)).error).toContain(
      "payload on 'retrain.request' is no JSON",
    );
    const field = await store("retrain.request", '{"forecaster":"sturdy","priority":"asap"}');
    expect((await deadLetter("DECISIONS", "trigger-requests", field)).error).toContain("field 'priority'");
    const refused = await world.request('{"forecaster":"nobody-7d"}');
    expect(refused.steps.at(-1)).toMatchObject({
      step: "refused",
      data: { reason: "unknown-forecaster", message: expect.stringContaining("nobody-7d") },
    });
    await goesOn();
  });

  it("steps that are no events stop no service", async () => {
    for (const payload of ['{"specversion"', "{}", "null", "[]", ""]) {
      const sequence = await store(subjects.step("accepted", forecaster, newUuidV7()), payload);
      expect((await deadLetter("DECISIONS", "optimizer-runs", sequence)).subject).toContain(
        "retrain.accepted.",
      );
    }
    for (const step of ["searched", "approved", "deployed", "trialled", "verified"] as const)
      await store(subjects.step(step, forecaster, newUuidV7()), '{"data":7}');
    await goesOn();
    expect(await retune(world, ["history"])).toMatchObject({ code: 0 });
    expect(await retune(world, ["replay"])).toMatchObject({ code: 0 });
  }, 30_000);

  it("a model file that is no model fails the run with a cause; the champion stays", async () => {
    const whole = await readFile(model);
    const files: [name: string, bytes: Uint8Array, cause: RegExp][] = [
      ["truncated.onnx", whole.subarray(0, whole.length / 2), /truncated|model|protobuf|parse/i],
      ["text.onnx", Buffer.from("this is not a model"), /model|protobuf|parse/i],
      ["empty.onnx", new Uint8Array(), /empty|model/i],
      [
        "other-shape.onnx",
        levelGraph({ context: ["series", 64], block: [5, 7], offset: () => 0 }),
        /axes must have 9 levels/,
      ],
    ];
    const champion = await live();
    for (const [name, bytes, cause] of files) {
      const path = join(world.data, name);
      await writeFile(path, bytes);
      await world.changeSpec(forecaster, (spec) => ({ ...spec, model: { ...spec.model, path } }));
      const run = await world.request(forecaster);
      expect([name, run.state]).toEqual([name, "failed"]);
      expect(run.steps.at(-1)!.data).toMatchObject({ stage: "search", cause: expect.stringMatching(cause) });
    }
    const gone = join(world.data, "gone.onnx");
    await world.changeSpec(forecaster, (spec) => ({ ...spec, model: { ...spec.model, path: gone } }));
    expect((await world.request(forecaster)).steps.at(-1)!.data).toMatchObject({
      cause: expect.stringContaining(`model.path '${gone}' cannot be read`),
    });
    expect(await live()).toEqual(champion);
    const reply = await world.bus.request(subjects.predict(forecaster), undefined, PredictReply);
    expect(reply.live_revision).toBe(champion!.revision);

    const mended = join(world.data, "mended.onnx");
    await copyFile(model, mended);
    await world.changeSpec(forecaster, (spec) => ({ ...spec, model: { ...spec.model, path: mended } }));
    await goesOn();
  }, 60_000);

  it("a git repository that is dirty, or gone in between, keeps no config from going live", async () => {
    const folder = join(world.configs, "live");
    await writeFile(join(folder, "stray.txt"), "theirs");
    execFileSync("git", ["add", "stray.txt"], { cwd: folder });
    await goesOn();
    expect(execFileSync("git", ["status", "--porcelain"], { cwd: folder, encoding: "utf8" })).toBe(
      "A  stray.txt\n",
    );

    await rm(join(folder, ".git"), { recursive: true });
    await goesOn();
    expect(await disagreements(world, forecaster)).toEqual([]);
  });

  it("a mail server that refuses and a webhook that answers 500 get every alert later", async () => {
    expect(smtp.attempts()).toBeGreaterThan(0);
    expect(smtp.mails).toEqual([]);
    smtp.refuse(false);
    await expect.poll(() => webhook.texts.join(" "), { timeout: 20_000 }).toContain("could not be processed");
    await expect
      .poll(() => smtp.mails.filter((mail) => mail.includes("Config deployed")).length, { timeout: 20_000 })
      .toBeGreaterThan(0);
    expect(webhook.attempts()).toBeGreaterThan(webhook.texts.length);
    const refusals = system.log.lines.filter(({ message }) => message === "will try again");
    expect(refusals.length).toBeGreaterThan(0);
    await goesOn();
  }, 40_000);

  it("a full disk under the history is waited for, and nothing is lost", async ({ skip }) => {
    const [history] = disks;
    skip(history === undefined, "this machine lets the test mount no small disk");
    const { rows } = await load();
    const filler = await fill(history!);
    await store("telemetry.observation.load", JSON.stringify({ ts: hour(-12), values: { value: 105 } }));
    const said = () =>
      system.log.lines.some(({ message }) => message.startsWith("telemetry cannot be written"));
    await expect.poll(said, { timeout: 10_000 }).toBe(true);
    await forecastAfter(hour(-12)); // what the disk refuses is forecast from all the same
    await rm(filler);
    await expect.poll(async () => (await load()).rows, { timeout: 15_000 }).toBe(rows + 1);
    await goesOn();
  }, 40_000);

  it("a full disk under the live configs fails the deployment and changes nothing", async ({ skip }) => {
    const [, folder] = disks;
    skip(folder === undefined, "this machine lets the test mount no small disk");
    const champion = await live();
    const filler = await fill(folder!);
    await world.changeSpec(forecaster, withSamples(77));
    const run = await world.request(forecaster);
    expect(run.steps.at(-1)).toMatchObject({
      step: "failed",
      data: { stage: "deployment", cause: expect.stringMatching(/ENOSPC.*nothing was changed/s) },
    });
    expect(await live()).toEqual(champion);
    await rm(filler);
    await goesOn();
    expect(await disagreements(world, forecaster)).toEqual([]);
  }, 40_000);

  it("a spec with a mistake stops `retune provision` and names file, line, field and value", async () => {
    const path = join(world.configs, "forecasters", `${forecaster}.yaml`);
    const good = await readFile(path, "utf8");
    const line = good.split("\n").findIndex((each) => each.startsWith("horizon:")) + 1;
    await writeFile(path, good.replace(/^horizon: .*$/m, "horizon: fortnight"));
    const refused = await retune(world, ["provision"]);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toContain(
      `${path}:${line}: field 'horizon' is "fortnight": expected a positive number and a unit`,
    );
    await writeFile(path, good.replace(/^horizon:/m, "horizont:"));
    expect((await retune(world, ["provision"])).err).toMatch(/field '.*horizon/);
    await writeFile(path, good.replace(/^search:/m, "  search: ["));
    expect(await retune(world, ["provision"])).toMatchObject({ code: 1, err: expect.stringContaining(path) });
    await writeFile(path, good);
    expect(await retune(world, ["provision"])).toMatchObject({ code: 0 });
  }, 30_000);
});

/** Puts a small disk of its own over a folder, where this machine permits it. */
async function mounted(folder: string): Promise<boolean> {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Takes all the room of a small disk; the file to remove. */
async function fill(folder: string): Promise<string> {
  const path = join(folder, ".filler.tmp");
  await writeFile(path, Buffer.alloc(16 * 1024 * 1024)).catch(({ code }: NodeJS.ErrnoException) => {
    expect(code).toBe("ENOSPC");
  });
  return path;
}

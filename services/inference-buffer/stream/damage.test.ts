import { copyFile, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { BufferStats, WindowReply } from "../../../shared/contracts/inference-buffer.ts";
import type { RunningService } from "../../../shared/service.ts";
import { type TestContext, testContext } from "../../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import { observation } from "../buffer.fixture.ts";
import { service } from "../main.ts";

let nats: TestNats;
let data: string;
let context: TestContext;
let running: RunningService | undefined;

const connect = async () => {
  context = await testContext(nats, { data, env: { RETUNE_BUFFER_FLUSH_MS: "20" } });
};
beforeEach(async () => {
  nats = await startTestNats();
  data = await mkdtemp(join(tmpdir(), "retune-damage-"));
  await connect();
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  await context[Symbol.asyncDispose]();
  await nats.stop();
  await rm(data, { recursive: true, force: true });
});

const start = async () => {
  running = await service.start(context);
};
const stop = async () => {
  await running?.stop();
  running = undefined;
};
/** One message a day of the series `s`, of its number as value. */
async function publish(from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++)
    await context.bus.publishTelemetry("observation", "s", [observation(n, n)], `d-${n}-${Math.random()}`);
}
const rowsInWindow = async () =>
  (await context.bus.request("inference-buffer.window", { series: "s", metric: "value" }, WindowReply)).rows;
const stats = () => context.bus.request("inference-buffer.stats", undefined, BufferStats);

/** Alerts of the buffer so far: rule and figures. */
async function alerts(atLeast: number) {
  for (let tries = 0; ; tries++) {
    const found: { rule: string; message: string; figures: Record<string, unknown> }[] = [];
    for await (const message of context.bus.read("DECISIONS", {
      filter: "alert.raised.*.inference-buffer",
    })) {
      const { data: alert } = message.json() as {
        data: { rule: string; message: string; evidence: { figures: Record<string, unknown> } };
      };
      found.push({ rule: alert.rule, message: alert.message, figures: alert.evidence.figures });
    }
    if (found.length >= atLeast || tries > 100) return found;
    await sleep(20);
  }
}
const streamApi = (call: string, body: object) =>
  context.bus.request(`$JS.API.STREAM.${call}.TELEMETRY`, body, z.unknown());

describe("telemetry that the server no longer has", () => {
  it("is counted and told of when it left the stream before it was read (D-BUF-2)", async () => {
    await publish(1, 3);
    await start();
    expect(await rowsInWindow()).toBe(3);
    await stop();
    await publish(4, 9);
    await streamApi("PURGE", { seq: 8 });
    await start();
    expect(await rowsInWindow()).toBe(5);
    expect(await alerts(1)).toEqual([
      {
        rule: "telemetry-lost",
        message: expect.stringMatching(/4 messages .* sequences 4 to 7: they left the stream/),
        figures: { from_sequence: 4, to_sequence: 7, lost: 4, aged: 4 },
      },
    ]);
    expect(context.problems.get("telemetry-lost")).toMatch(/4 to 7/);
    await stop();
    await start();
    expect(await alerts(2)).toHaveLength(1);
  });

  it("is told of when the stream has a hole (D-BUF-2)", async () => {
    await publish(1, 6);
    await streamApi("MSG.DELETE", { seq: 3 });
    await streamApi("MSG.DELETE", { seq: 4 });
    await start();
    expect(await rowsInWindow()).toBe(4);
    expect(await alerts(1)).toMatchObject([
      {
        rule: "telemetry-lost",
        message: expect.stringContaining("hole"),
        figures: { from_sequence: 3, to_sequence: 4, lost: 2, aged: 0 },
      },
    ]);
  });

  it("does not hide what gets its sequences, when the store was truncated (D-BUF-2)", async () => {
    await publish(1, 40);
    await start();
    expect(await rowsInWindow()).toBe(40);
    await stop();
    await context[Symbol.asyncDispose]();
    const blocks = join(nats.storeDir, "jetstream", "$G", "streams", "TELEMETRY", "msgs");
    const [block] = (await readdir(blocks)).filter((name) => name.endsWith(".blk"));
    await truncate(join(blocks, block!), 4_000);
    await nats.kill9AndRestart();
    await connect();
    const { lastSequence } = await context.bus.streamState("TELEMETRY");
    expect(lastSequence).toBeLessThan(40);
    await publish(101, 160);
    await start();
    expect(await rowsInWindow()).toBe(100);
    expect(await alerts(1)).toMatchObject([
      {
        rule: "telemetry-lost",
        figures: { from_sequence: lastSequence + 1, to_sequence: 40, lost: 40 - lastSequence },
      },
    ]);
  });

  it("is told of when the stream was created anew, and the new one is read from its beginning (D-BUF-2)", async () => {
    await publish(1, 3);
    await start();
    expect(await rowsInWindow()).toBe(3);
    await stop();
    await streamApi("DELETE", {});
    await context[Symbol.asyncDispose]();
    await connect();
    await publish(4, 5);
    await start();
    expect(await rowsInWindow()).toBe(5);
    expect((await stats()).last_sequence).toBe(2);
    expect(await alerts(1)).toMatchObject([
      { rule: "stream-recreated", figures: { former_last_sequence: 3 } },
    ]);
  });
});

describe("files of the history", () => {
  it("that are damaged or not its own are set aside, named and told of; the rest is served (D-BUF-2)", async () => {
    await publish(1, 2);
    await start();
    expect(await rowsInWindow()).toBe(2);
    await publish(3, 4);
    expect(await rowsInWindow()).toBe(4);
    await stop();
    const folder = join(data, "history");
    const [first] = (await readdir(folder)).filter((name) => name.endsWith("-1-2.parquet"));
    await copyFile(join(folder, first!), join(folder, "metrics_1999-01-01.parquet"));
    await writeFile(join(folder, "metrics_1999-01-02.parquet"), "nonsense");
    await writeFile(join(folder, "notes.parquet"), "nonsense");
    await truncate(join(folder, first!), 50);
    await start();
    expect(await rowsInWindow()).toBe(2);
    const [alert] = await alerts(1);
    expect(alert).toMatchObject({ rule: "history-damaged", figures: { files: 4 } });
    for (const name of [first!, "metrics_1999-01-01.parquet", "metrics_1999-01-02.parquet", "notes.parquet"])
      expect(alert!.message).toContain(name);
    expect(context.problems.get("history-damaged")).toBe(alert!.message);
    expect((await readdir(join(folder, "corrupt"))).sort()).toEqual(
      [first!, "metrics_1999-01-01.parquet", "metrics_1999-01-02.parquet"].sort(),
    );
    expect(await readdir(folder)).toContain("notes.parquet");
  });
});

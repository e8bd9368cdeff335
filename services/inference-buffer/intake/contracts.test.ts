import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { BufferStats, WindowReply } from "../../../shared/contracts/inference-buffer.ts";
import { day, observation } from "../buffer.fixture.ts";
import { context, startBuffer, stopBuffer, useBuffer } from "../harness.fixture.ts";
import { ContractFiles } from "./contracts.ts";

useBuffer();
beforeEach(() => mkdir(join(context.dirs.configs, "series"), { recursive: true }));

let messageId = 0;
const publish = (id: string, ...records: object[]) =>
  context.bus.publishTelemetry("observation", id, records, `m-${messageId++}`);
const rowsOf = async (series: string) =>
  (await context.bus.request("inference-buffer.window", { series, metric: "value" }, WindowReply)).rows;
const stats = () => context.bus.request("inference-buffer.stats", undefined, BufferStats);
const describeSeries = (series: string, text: string) =>
  writeFile(join(context.dirs.configs, "series", `${series}.yaml`), `series: ${series}\n${text}`);

async function reasons(): Promise<string[]> {
  const names = await readdir(join(context.dirs.data, "quarantine"));
  const texts = names
    .filter((name) => name.startsWith("quarantine_"))
    .map((name) => readFile(join(context.dirs.data, "quarantine", name), "utf8"));
  const lines = (await Promise.all(texts)).join("").trim().split("\n");
  return lines.map((line) => (JSON.parse(line) as { reason: string }).reason);
}

describe("contracts of series in the inference-buffer (D-BUF-2)", () => {
  it("quarantine what breaks them, and remember what an entity did over a restart", async () => {
    await describeSeries("c1", "monotone_time: true\nmetrics:\n  value: { max: 10, max_step_change: 3 }\n");
    await startBuffer();
    await publish("c1", observation(1, 1), observation(2, 11), observation(3, 2));
    expect(await rowsOf("c1")).toBe(2);
    await stopBuffer();
    await startBuffer();
    await publish("c1", observation(2, 2), observation(4, 9), observation(4, 4), observation(4, 4));
    expect(await rowsOf("c1")).toBe(3);
    expect((await stats()).quarantined).toBe(3);
    expect(await reasons()).toEqual([
      "values.value is 11: expected -Infinity to 10",
      `ts is "${day(2)}": expected none before ${day(3)}, the newest of its entity`,
      "values.value is 9: expected at most 3 from 2, the value before",
    ]);
    const duplicates = (await readdir(join(context.dirs.data, "quarantine"))).find((name) =>
      name.startsWith("dup"),
    );
    const text = await readFile(join(context.dirs.data, "quarantine", duplicates!), "utf8");
    expect(JSON.parse(text)).toMatchObject({ series: "c1", count: 1 });
  });

  it("hold from the moment their file is written", async () => {
    await startBuffer();
    await publish("c2", observation(1, -1));
    expect(await rowsOf("c2")).toBe(1);
    await describeSeries("c2", "metrics:\n  value: { min: 0 }\n");
    let n = 2;
    while ((await stats()).quarantined === 0) {
      await publish("c2", observation(n++, -1));
      await sleep(100);
    }
    expect(await reasons()).toContain("values.value is -1: expected 0 to Infinity");
  });

  it("keep files that cannot be read out of force, say so, and keep what was in force", async () => {
    const files = new ContractFiles(join(context.dirs.configs, "series"));
    expect(await files.refresh()).toBeUndefined();
    await describeSeries("good", "every: 1h\n");
    await describeSeries("bad", "every: hourly\n");
    await writeFile(join(context.dirs.configs, "series", "alias.yaml"), "series: other\n");
    const first = await files.refresh();
    expect(first).toMatchObject({ changed: true });
    expect(first!.problems).toEqual([
      expect.stringMatching(/alias\.yaml: field 'series' is 'other', expected 'alias'/),
      expect.stringMatching(/bad\.yaml:2: field 'every' is "hourly"/),
    ]);
    expect([...files.all().keys()]).toEqual(["good"]);
    expect(await files.refresh()).toBeUndefined();
    await describeSeries("good", "every: [\n");
    expect(await files.refresh()).toMatchObject({ changed: false });
    expect(files.all().get("good")).toMatchObject({ every: "1h" });
    await rm(join(context.dirs.configs, "series", "good.yaml"));
    expect(await files.refresh()).toMatchObject({ changed: true });
    expect(files.all().size).toBe(0);
  });
});

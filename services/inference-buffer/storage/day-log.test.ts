import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DayLog, type Line } from "./day-log.ts";

interface Told extends Line {
  readonly record: unknown;
}
const DAY = "2025-01-01";

let folder: string;
let told: Told[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-day-log-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function opened(lastSeq: number): Promise<DayLog<Told>> {
  told = [];
  const log = new DayLog<Told>(folder, "lines", (_, line) => told.push(line));
  await log.open("s", lastSeq);
  return log;
}
const line = (seq: number, record: unknown = seq): Told => ({ stream: "s", seq, record });
const path = () => join(folder, `lines_${DAY}.ndjson`);

describe("the lines of a day", () => {
  it("are without those that come again and one that was cut off, whatever is in them", async () => {
    const kept = [line(1, "a\u2028b\u00e9"), { ...line(9), stream: "former" }].map((each) =>
      JSON.stringify(each),
    );
    await writeFile(path(), [...kept, JSON.stringify(line(2)), '{"stream":"s","se'].join("\n"));
    await opened(1);
    expect(told.map(({ seq }) => seq)).toEqual([1, 9]);
    expect(await readFile(path(), "utf8")).toBe(`${kept.join("\n")}\n`);
  });

  it("are written once when a part of them had to be tried again", async () => {
    let fails = true;
    const once = {
      toJSON: () => {
        if (fails) throw new Error("not now");
        return 1_200;
      },
    };
    const lines = Array.from({ length: 1_500 }, (_, seq) => line(seq, seq === 1_200 ? once : seq));
    const log = await opened(0);
    await expect(log.append(DAY, lines)).rejects.toThrow("not now");
    fails = false;
    await log.append(DAY, lines);
    expect(told.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_500 }, (_, seq) => seq));
    expect((await readFile(path(), "utf8")).split("\n")).toHaveLength(1_501);
  });
});

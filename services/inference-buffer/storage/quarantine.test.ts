import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dayIn } from "../../../shared/history/day.ts";
import { Quarantine } from "./quarantine.ts";
import { countDuplicate, type Segment, segmentFor } from "./segment.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-quarantine-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function opened(): Promise<Quarantine> {
  const quarantine = new Quarantine(folder);
  await quarantine.open("s", 10);
  return quarantine;
}

describe("what was set aside", () => {
  it("counts on its UTC day of arrival, whatever the zone of the history", async () => {
    const subject = "telemetry.observation.usd";
    const segments: Segment[] = [];
    const rules = { stream: "s", dayOf: dayIn("America/New_York") };
    const counters = { scores: 0, duplicates: 0 };
    const arrivals = ["2025-01-01T23:00:00Z", "2025-01-02T02:00:00Z", "2025-01-02T03:00:00Z"];
    for (const [i, arrived] of arrivals.entries()) {
      const segment = segmentFor(segments, rules, subject, i + 1, Date.parse(arrived));
      segment.refused.push({ stream: "s", seq: i + 1, idx: 0, subject, arrived, reason: "", record: i });
      countDuplicate(counters, segment, "usd");
    }
    const quarantine = await opened();
    for (const segment of segments) await quarantine.append(segment);
    for (const each of [quarantine, await opened()]) {
      expect(each.of("usd", "2025-01-01")).toEqual({ refused: 1, duplicates: 1 });
      expect(each.of("usd", "2025-01-02")).toEqual({ refused: 2, duplicates: 2 });
    }
  });

  it("counts duplicates that were written without a day on that of their file", async () => {
    const line = { stream: "s", seq: 1, series: "usd", count: 3 };
    await appendFile(join(folder, "duplicates_2025-01-01.ndjson"), `${JSON.stringify(line)}\n`);
    expect((await opened()).of("usd", "2025-01-01").duplicates).toBe(3);
  });
});

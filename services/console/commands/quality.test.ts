import { afterAll, beforeAll, expect, it } from "vitest";
import type { QualityScore } from "../../../shared/contracts/inference-buffer.ts";
import { type CliBench, cliBench } from "../testing/cli-bench.ts";

let bench: CliBench;
const asked: unknown[] = [];
let scores: QualityScore[] = [];

const score = (over: Partial<QualityScore>): QualityScore => ({
  series: "eurusd",
  day: "2025-03-02",
  partial: false,
  every_ms: 3_600_000,
  observations: 24,
  expected: 24,
  completeness: 1,
  quarantined: 0,
  quarantined_share: 0,
  duplicates: 0,
  late: 0,
  gaps: 0,
  longest_gap_ms: 0,
  entities: 1,
  entities_missing: [],
  entities_missing_total: 0,
  ...over,
});

beforeAll(async () => {
  bench = await cliBench();
  await bench.context.bus.serve({
    name: "inference-buffer",
    description: "answers with the scores of the test",
    version: "1.0.0",
    endpoints: {
      "inference-buffer.quality": async (payload) => {
        asked.push(payload);
        return { scores };
      },
    },
  });
});
afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
});

it("retune quality shows a line for each day of each series (D-MON-1)", async () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  scores = [
    score({}),
    score({
      day: "2025-03-03",
      partial: true,
      completeness: 0.5,
      quarantined: 3,
      quarantined_share: 0.125,
      gaps: 1,
      longest_gap_ms: 7_200_000,
      entities_missing: names,
      entities_missing_total: 6,
    }),
    score({
      series: "usd",
      completeness: null,
      expected: null,
      entities_missing: ["x"],
      entities_missing_total: 1,
    }),
  ];
  const { code, terminal } = await bench.retune(["quality", "--days", "2"]);
  expect(code).toBe(0);
  expect(asked.at(-1)).toEqual({ days: 2 });
  expect(
    terminal
      .text()
      .split("\n")
      .map((line) => line.replaceAll(/ {2,}/g, "|")),
  ).toEqual([
    "SERIES|DAY|SEEN|COMPLETE|QUARANTINED|DUPLICATES|LATE|GAPS|MISSING",
    "eurusd|2025-03-02|24|100 %|0|0|0|0|nobody",
    "eurusd|2025-03-03 so far|24|50 %|3 (12.5 %)|0|0|1 (2 h)|6: a, b, c, d, e, …",
    "usd|2025-03-02|24|n/a|0|0|0|0|x",
  ]);
  expect((await bench.retune(["quality", "usd", "--json"])).terminal.json()).toEqual(scores);
  expect(asked.at(-1)).toEqual({ days: 7, series: "usd" });
});

it("retune quality says when nothing is known, and refuses days that are none", async () => {
  scores = [];
  expect((await bench.retune(["quality"])).terminal.text()).toContain("no series is known");
  expect((await bench.retune(["quality", "--days", "0"])).code).toBe(2);
});

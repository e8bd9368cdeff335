import { afterAll, beforeAll, expect, it } from "vitest";
import type { FleetStatus } from "../../../shared/contracts/fleet-monitor.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { type CliBench, cliBench } from "../testing/cli-bench.ts";

let bench: CliBench;
const asked: unknown[] = [];
let rows: FleetStatus[] = [];

const row = (over: Partial<FleetStatus>): FleetStatus => ({
  series: "cpu",
  as_of: "2025-03-03T06:00:00.000Z",
  seen: 40,
  active_total: 40,
  known: 40,
  new: [],
  new_total: 0,
  sunset_total: 0,
  silent: [],
  silent_total: 0,
  drift: 0,
  tier: "none",
  unknown_rate: 0,
  unknown_rates: { by_time: 0, by_count: 0 },
  predictions: { by_time: 480, by_count: 1000 },
  unknown_tier: "fine",
  outage: null,
  renames: [],
  renamed: [],
  coverage: 1,
  uncovered: [],
  uncovered_total: 0,
  model_since: null,
  ...over,
});

const changed = row({
  series: "disk",
  active_total: 37,
  new: ["it's new", "web-41"],
  new_total: 2,
  sunset_total: 5,
  silent: ["a", "b", "c", "d", "e", "f"].map((entity, i) => ({ entity, state: "sunset", days: 40.7 - i })),
  silent_total: 6,
  drift: 0.175,
  tier: "low",
  unknown_rates: { by_time: 0.081, by_count: 0.2 },
  unknown_tier: "critical",
  outage: { since: "2025-03-03T02:00:00.000Z", reason: "fleet" },
  renames: [{ from: "b", to: "it's new", score: 0.934 }],
  renamed: [{ from: "old", to: "web-7" }],
  coverage: 0.95,
  uncovered: ["it's new", "web-41"],
  uncovered_total: 2,
});

beforeAll(async () => {
  bench = await cliBench();
  await bench.context.bus.serve({
    name: "fleet-monitor",
    description: "answers with the figures of the test",
    version: "1.0.0",
    endpoints: {
      "fleet-monitor.status": async (payload) => {
        asked.push(payload);
        return rows;
      },
      "fleet-monitor.rename": async (payload) => {
        asked.push(payload);
        if ((payload as { from: string }).from === "nobody")
          throw new InvalidInputError("no entity 'nobody'");
        return { sequence: 17 };
      },
    },
  });
});
afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
});

const lines = (text: string) => text.split("\n").map((line) => line.replaceAll(/ {2,}/g, "|"));

it("retune fleet shows entities, drift, unknown rates and coverage of each series (C-FLT-1, C-FLT-2, C-OPS-1)", async () => {
  rows = [row({}), changed];
  const { code, terminal } = await bench.retune(["fleet"]);
  expect(code).toBe(0);
  expect(asked.at(-1)).toEqual({});
  expect(lines(terminal.text())).toEqual([
    "SERIES|AS OF|ACTIVE|KNOWN|NEW|SUNSET|COVERED|DRIFT|UNKNOWN",
    "cpu|2025-03-03 06:00|40|40|0|0|100 %|0 % (none)|0 % in 24 h, 0 % of the last 1000 (fine)",
    "disk|2025-03-03 06:00|37|40|2|5|95 %|17.5 % (low)|8.1 % in 24 h, 20 % of the last 1000 (critical)",
    "disk: outage since 2025-03-03 02:00:00 UTC: most of the fleet fell silent at once",
    "disk: 2 new: it's new and web-41",
    "disk: 6 silent: a (40 days), b (39 days), c (38 days), d (37 days), e (36 days), …",
    "disk: 2 not covered by a prediction: it's new and web-41",
    "disk: 1 called by a new name: web-7 was old",
    "disk: 'b' may be called 'it's new' now (score 0.93); if so: retune fleet rename disk b 'it'\\''s new'",
  ]);
  expect((await bench.retune(["fleet", "disk", "--json"])).terminal.json()).toEqual(rows);
  expect(asked.at(-1)).toEqual({ series: "disk" });
});

it("retune fleet says what it cannot know", async () => {
  rows = [
    row({
      known: 0,
      drift: null,
      tier: null,
      coverage: null,
      unknown_rates: { by_time: null, by_count: null },
      predictions: { by_time: 0, by_count: 0 },
      unknown_tier: null,
    }),
  ];
  const { terminal } = await bench.retune(["fleet"]);
  expect(lines(terminal.text())[1]).toBe("cpu|2025-03-03 06:00|40|0|0|0|n/a|n/a|no predictions");
  rows = [];
  expect((await bench.retune(["fleet"])).terminal.text()).toBe("nothing was observed yet");
  expect((await bench.retune(["fleet", "gpu"])).terminal.text()).toBe("nothing was observed of 'gpu' yet");
});

it("retune fleet rename tells who says it, and takes it back", async () => {
  const named = await bench.retune(["fleet", "rename", "disk", "b", "it's new"]);
  expect(named.code).toBe(0);
  expect(named.terminal.text()).toBe("disk: 'b' is now called 'it's new' [17]");
  expect(asked.at(-1)).toEqual({ series: "disk", from: "b", to: "it's new", by: "ana", revoke: false });
  const back = await bench.retune([
    "fleet",
    "rename",
    "disk",
    "b",
    "it's new",
    "--revoke",
    "--by",
    "bo",
    "--json",
  ]);
  expect(back.terminal.json()).toEqual({
    series: "disk",
    from: "b",
    to: "it's new",
    by: "bo",
    revoke: true,
    sequence: 17,
  });
});

it("retune fleet rename tells what the fleet-monitor refuses, and needs three names", async () => {
  const { code, terminal } = await bench.retune(["fleet", "rename", "disk", "nobody", "x"]);
  expect([code, terminal.stderr.join()]).toEqual([1, expect.stringContaining("no entity 'nobody'")]);
  expect((await bench.retune(["fleet", "rename", "disk", "b"])).code).toBe(2);
});

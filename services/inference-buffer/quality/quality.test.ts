import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../shared/clock.ts";
import { IncidentsState } from "../../../shared/contracts/incidents.ts";
import { QualityReply } from "../../../shared/contracts/inference-buffer.ts";
import { SeriesContract } from "../../../shared/contracts/series.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { newEvent } from "../../../shared/events.ts";
import type { RunningService } from "../../../shared/service.ts";
import { type TestContext, testContext } from "../../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import { service } from "../main.ts";
import { breaches, DAY_MS, expectationOf, isExpected, qualityOf } from "./quality.ts";
import { QualityState } from "./watch.ts";

const NOTHING = {
  observations: 0,
  repeats: 0,
  late: 0,
  gaps: 0,
  longestGapMs: 0,
  entities: 0,
  asExpected: 0,
  expected: 0,
  missing: [],
  missingTotal: 0,
};
const MONDAY = Date.parse("2024-12-30T00:00:00Z");
const about = { series: "cpu", dayMs: MONDAY, partial: false, everyMs: 3_600_000 };
const limits = SeriesContract.parse({ series: "cpu" }).quality;

describe("the quality of a day (D-BUF-2)", () => {
  it("is a share of what was expected, and of what arrived", () => {
    const counts = { ...NOTHING, observations: 60, expected: 72, asExpected: 54, repeats: 2 };
    expect(qualityOf(about, counts, { refused: 20, duplicates: 5 })).toMatchObject({
      day: "2024-12-30",
      completeness: 0.75,
      quarantined_share: 0.25,
      duplicates: 7,
    });
  });

  for (const [what, everyMs, expected] of [
    ["the step is not known", null, 0],
    ["the step is longer than a day", 7 * DAY_MS, 1],
    ["nothing is expected that day", 3_600_000, 0],
  ] as const) {
    it(`has no completeness, and misses nobody, where ${what}`, () => {
      const counts = { ...NOTHING, expected, missing: ["a"], missingTotal: 1 };
      const score = qualityOf({ ...about, everyMs }, counts, { refused: 0, duplicates: 0 });
      expect(score).toMatchObject({
        completeness: null,
        expected: null,
        entities_missing: [],
        quarantined_share: 0,
      });
      expect(breaches(score, limits)).toEqual([]);
    });
  }

  it("breaks its limits by completeness, quarantine and entities, each named", () => {
    const counts = {
      ...NOTHING,
      observations: 50,
      expected: 100,
      asExpected: 50,
      missing: ["a", "b"],
      missingTotal: 2,
    };
    expect(breaches(qualityOf(about, counts, { refused: 50, duplicates: 0 }), limits)).toEqual([
      "completeness 0.500, expected at least 0.9",
      "share in quarantine 0.500, expected at most 0.05",
      "2 entities without an observation (a, b), expected at most 0",
    ]);
  });

  it("expects what the contract says, else what the specs say", () => {
    const spec = (step: string) =>
      ForecasterSpec.parse({ forecaster: "f", series: "cpu", horizon: "7d", step, calendar: "weekdays" });
    const own = SeriesContract.parse({ series: "cpu", every: "1m", max_gap: "1h" });
    expect(expectationOf(own, [spec("1h")])).toEqual({
      everyMs: 60_000,
      maxGapMs: 3_600_000,
      calendar: "all",
    });
    expect(expectationOf(undefined, [spec("1d"), spec("1h")])).toEqual({
      everyMs: 3_600_000,
      maxGapMs: undefined,
      calendar: "weekdays",
    });
    expect([4, 5, 6].map((n) => isExpected(MONDAY + n * DAY_MS, "weekdays"))).toEqual([true, false, false]);
  });
});

describe("data quality in the inference-buffer", () => {
  const clock = new VirtualClock(MONDAY + 2 * DAY_MS - 3_600_000);
  let nats: TestNats;
  let context: TestContext;
  let running: RunningService;

  beforeAll(async () => {
    nats = await startTestNats();
    context = await testContext(nats, { clock, env: { RETUNE_BUFFER_FLUSH_MS: "20" } });
    const contracts = join(context.dirs.configs, "series");
    await mkdir(contracts, { recursive: true });
    await writeFile(join(contracts, "cpu.yaml"), "series: cpu\nevery: 1h\nmetrics:\n  value: { min: 0 }\n");
    running = await service.start(context);
  });
  afterAll(async () => {
    await running.stop();
    await context[Symbol.asyncDispose]();
    await nats.stop();
  });

  let messageId = 0;
  const publish = (hours: readonly number[], entity: string, value = 1) =>
    context.bus.publishTelemetry(
      "observation",
      "cpu",
      hours.map((hour) => ({
        ts: new Date(MONDAY + hour * 3_600_000).toISOString(),
        entity,
        values: { value },
      })),
      `m-${messageId++}`,
    );
  const hours = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const scores = async (request: object) =>
    (await context.bus.request("inference-buffer.quality", request, QualityReply)).scores;
  const alerts = async () => {
    const found: [string, string][] = [];
    for await (const message of context.bus.read("DECISIONS", {
      filter: "alert.*.data-quality.cpu",
    })) {
      const { data } = message.json() as { data: { message: string } };
      found.push([message.subject.split(".")[1]!, data.message]);
    }
    return found;
  };
  const told = async (count: number) => {
    for (;;) {
      const found = await alerts();
      if (found.length >= count) return found;
      await sleep(20);
    }
  };

  it("counts completeness, late arrivals, gaps, repeats and who is missing, by day of the data", async () => {
    await publish(hours(0, 47), "whole");
    await publish(hours(0, 23), "left");
    await publish([...hours(0, 29), ...hours(36, 41), 34, ...hours(42, 47)], "holes");
    await publish(hours(40, 47), "new");
    await publish([47], "whole", 2);
    await publish([46], "whole");
    const [monday, tuesday] = await scores({ series: "cpu", days: 2 });
    expect(monday).toMatchObject({
      day: "2024-12-30",
      partial: false,
      completeness: 1,
      expected: 72,
      entities: 3,
    });
    expect(tuesday).toMatchObject({
      day: "2024-12-31",
      partial: true,
      every_ms: 3_600_000,
      observations: 23 + 18 + 7,
      expected: 23 * 3 + 7,
      completeness: (23 + 18 + 7) / 76,
      duplicates: 1,
      late: 1,
      gaps: 1,
      longest_gap_ms: 5 * 3_600_000,
      entities: 3,
      entities_missing: ["left"],
      entities_missing_total: 1,
    });
    expect((await scores({})).map(({ day }) => day)).toHaveLength(7);
    await expect(scores({ days: 0 })).rejects.toThrow(/field 'days'/);
  });

  it("raises an alert once a bad day is over, not in an incident, and clears it after a good one (D-ALR-1)", async () => {
    await clock.advanceTo(MONDAY + 2 * DAY_MS + 3_600_000);
    expect(await told(1)).toEqual([
      [
        "raised",
        expect.stringMatching(
          /^data of cpu on 2024-12-31: completeness 0\.\d+, expected at least 0\.9; 1 entities without/,
        ),
      ],
    ]);
    for (const entity of ["whole", "left", "holes", "new"]) await publish(hours(48, 71), entity);
    await scores({ series: "cpu" });
    await clock.advanceTo(MONDAY + 3 * DAY_MS + 3_600_000);
    expect((await told(2))[1]).toEqual([
      "cleared",
      "data of cpu on 2025-01-01: data as its contract asks for",
    ]);
    const data = {
      incident: "a",
      scope: { series: "cpu" },
      from: new Date(MONDAY + 3 * DAY_MS).toISOString(),
      reason: "moving house",
      by: "ana",
    };
    const event = newEvent({ source: "test", type: "t", subject: "cpu", timeMs: clock.now(), data });
    await context.bus.publishEvent("alert.raised.incident.cpu", event);
    const states = context.bus.kv("states", QualityState);
    while ((await context.bus.kv("states", IncidentsState).get("incidents.cpu")) === undefined)
      await sleep(20);
    await clock.advanceTo(MONDAY + 4 * DAY_MS + 3_600_000);
    while ((await states.get("quality.cpu"))?.value.day !== "2025-01-02") await sleep(20);
    expect(await alerts()).toHaveLength(2);
  });
});

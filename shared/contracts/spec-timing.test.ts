import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { lastAtOrBefore } from "../schedule/cron.ts";
import { ROOT } from "../service.ts";
import { ForecasterSpec } from "./spec.ts";

describe("the timing part of a spec", () => {
  it.each<[string, object, string, string]>([
    ["a cron of four fields", { schedule: [{ cron: "0 2 * *" }] }, "schedule.0.cron", "expected five fields"],
    [
      "an unknown zone",
      { schedule: [{ cron: "0 2 * * *", zone: "Chile/Atlantis" }] },
      "schedule.0.zone",
      "IANA",
    ],
    ["a time of day that is none", { quiet: [{ from: "25:00", to: "02:00" }] }, "quiet.0.from", "02:00"],
    ["a window of no length", { maintenance: [{ from: "02:00", to: "02:00" }] }, "maintenance.0.to", "24:00"],
    [
      "a day that is none",
      { quiet: [{ days: ["funday"], from: "01:00", to: "02:00" }] },
      "quiet.0.days.0",
      "sun",
    ],
    ["a budget of nothing", { weekly_budget: 0 }, "weekly_budget", ">0"],
  ])("refuses %s, and says what it expects", (_, trigger, field, expected) => {
    const { error } = ForecasterSpec.safeParse({ forecaster: "a", series: "s", horizon: "7d", trigger });
    expect(error?.issues.map(({ path }) => path.join("."))).toEqual([`trigger.${field}`]);
    expect(error?.issues[0]?.message).toContain(expected);
  });

  it("without any keys lets nothing wait: the seed's cool-down and no more (A-TRG-6)", () => {
    const { trigger } = ForecasterSpec.parse({ forecaster: "a", series: "s", horizon: "7d" });
    expect(trigger).toMatchObject({
      cooldown: "14d",
      schedule: [],
      maintenance: [],
      quiet: [],
      weekly_budget: null,
    });
  });

  it.each([
    ["forecasters", "usdclp-7d.yaml", "2026-04-05T06:00:00.000Z"], // A-TRG-6: Sundays 02:00 in Santiago
    ["examples", "nyse-volume.yaml", "2026-04-06T06:00:00.000Z"], // D-SCH-1: daily 02:00 in New York
  ])("configs/%s/%s holds, and has run at its scheduled time", (folder, name, expected) => {
    const text = readFileSync(join(ROOT, "configs", folder, name), "utf8");
    const { schedule } = ForecasterSpec.parse(parse(text)).trigger;
    const at = Date.parse("2026-04-06T12:00Z");
    const times = schedule.map(({ cron, zone }) => new Date(lastAtOrBefore(cron, zone, at)!).toISOString());
    expect(times).toEqual([expected]);
  });

  it("every forecaster that ships is scheduled weekly, and parses", () => {
    const folder = join(ROOT, "configs/forecasters");
    for (const name of readdirSync(folder)) {
      const { trigger } = ForecasterSpec.parse(parse(readFileSync(join(folder, name), "utf8")));
      expect(trigger.schedule).toMatchObject([
        { cron: "0 2 * * 0", zone: "America/Santiago", catch_up: true },
      ]);
    }
  });
});

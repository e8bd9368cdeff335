import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { VirtualClock } from "./clock.ts";
import { Duration, durationMs } from "./contracts/duration.ts";
import { addSteps, ForecasterSpec, horizonSteps, stepsIn } from "./contracts/spec.ts";
import { Token } from "./contracts/subjects.ts";
import { readEnv } from "./env.ts";
import { deriveUuidV7, newUuidV7 } from "./ids.ts";
import { ROOT } from "./service.ts";
import { readSpecFiles } from "./spec-files.ts";
import { readYaml } from "./yaml.ts";

describe("a virtual clock", () => {
  it("runs what falls due in order of time, as often as it fell due", async () => {
    const clock = new VirtualClock(0);
    const ran: string[] = [];
    clock.every(10, () => void ran.push(`a${clock.now()}`));
    const stop = clock.every(15, () => void ran.push(`b${clock.now()}`));
    await clock.advanceTo(30);
    stop();
    await clock.advanceTo(45);
    expect(ran).toEqual(["a10", "b15", "a20", "a30", "b30", "a40"]);
  });

  it("does not go back", async () => {
    await expect(new VirtualClock(10).advanceTo(9)).rejects.toThrow(RangeError);
  });
});

describe("ids", () => {
  it("are derived from their cause: same cause, same id, with the time in front", () => {
    const at = Date.parse("2025-01-01T00:00:00Z");
    expect(deriveUuidV7(at, "a", "1")).toBe(deriveUuidV7(at, "a", "1"));
    expect(deriveUuidV7(at, "a1")).not.toBe(deriveUuidV7(at, "a", "1"));
    expect(z.uuidv7().safeParse(newUuidV7()).success).toBe(true);
    expect(z.uuidv7().safeParse(deriveUuidV7(at, "x")).success).toBe(true);
  });

  it.each(["a.b", "", "-a", "a*", "a>", "../x", "a b", "x".repeat(65)])(
    "refuse %j as a subject token",
    (id) => {
      expect(Token.safeParse(id).success).toBe(false);
    },
  );
});

describe("durations and calendars", () => {
  it.each([
    ["500ms", 500],
    ["90s", 90_000],
    ["60m", 3_600_000],
    ["14d", 1_209_600_000],
    ["2w", 1_209_600_000],
  ])("%s is %d ms", (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each(["14", "d", "-1d", "1y", "1d2h", "0d", "0.00h", "000ms", `${"9".repeat(400)}d`])(
    "'%s' is refused",
    (text) => {
      expect(Duration.safeParse(text).error?.issues[0]?.message).toMatch(
        /^expected a positive number and a unit/,
      );
      expect(() => durationMs(text)).toThrow(RangeError);
    },
  );
  it.each([
    ["0.5d", 43_200_000],
    ["10ms", 10],
    ["0.000000000000001ms", 1e-15],
  ])("%s is %d ms, however small", (text, ms) => {
    expect(Duration.safeParse(text).success).toBe(true);
    expect(durationMs(text)).toBe(ms);
  });

  it.each([
    ["7d", 5],
    ["15d", 11],
    ["30d", 22],
    ["90d", 65],
  ])("a horizon of %s is %d weekday steps", (horizon, steps) => {
    expect(horizonSteps({ horizon, step: "1d", calendar: "weekdays" })).toBe(steps);
  });

  it("counts steps of a span and skips weekends", () => {
    expect(stepsIn("30d", { step: "1d", calendar: "weekdays" })).toBe(21);
    const friday = Date.parse("2025-01-03T00:00:00Z");
    expect(new Date(addSteps(friday, 1, { step: "1d", calendar: "weekdays" })).toISOString()).toBe(
      "2025-01-06T00:00:00.000Z",
    );
    expect(new Date(addSteps(friday, 1, { step: "1h", calendar: "all" })).toISOString()).toBe(
      "2025-01-03T01:00:00.000Z",
    );
  });
});

describe("settings with mistakes", () => {
  it("name file, line, field, value and what was expected", () => {
    const text = "forecaster: a\nseries: s\nhorizon: 7d\ntrigger:\n  cooldown: soon\n";
    expect(() => readYaml("a.yaml", text, ForecasterSpec)).toThrow(
      /a\.yaml:5: field 'trigger\.cooldown' is "soon": expected a positive number and a unit/,
    );
  });

  it("name an unknown field, a missing one, and broken YAML", () => {
    expect(() =>
      readYaml("a.yaml", "forecaster: a\nseries: s\nhorizon: 7d\ncooldwon: 1d\n", ForecasterSpec),
    ).toThrow(/cooldwon/);
    expect(() => readYaml("a.yaml", "forecaster: a\nseries: s\n", ForecasterSpec)).toThrow(
      /field 'horizon' is missing/,
    );
    expect(() => readYaml("a.yaml", "a: [1,\n", ForecasterSpec)).toThrow(/a\.yaml/);
  });

  it("name the environment variable", () => {
    const schema = z.object({ PORT: z.coerce.number("expected a number").default(1) });
    expect(() => readEnv({ PORT: "x" }, schema)).toThrow(
      /environment variable PORT is "x": expected a number/,
    );
    expect(readEnv({ PORT: "" }, schema)).toEqual({ PORT: 1 });
  });

  it("refuse a spec whose file is named otherwise", async () => {
    const folder = await mkdtemp(join(tmpdir(), "retune-specs-"));
    await writeFile(join(folder, "b.yaml"), "forecaster: a\nseries: s\nhorizon: 7d\n");
    await expect(readSpecFiles(folder)).rejects.toThrow(/field 'forecaster' is 'a', expected 'b'/);
    await rm(folder, { recursive: true });
  });
});

describe("the specs that ship", () => {
  it("carry the seed's numbers (A-TRG-1..3, A-OPT-1, A-VAL-1..5, A-MON-1)", async () => {
    const specs = await readSpecFiles(join(ROOT, "configs", "forecasters"));
    expect(specs.map(({ forecaster }) => forecaster)).toEqual([
      "usdclp-15d",
      "usdclp-30d",
      "usdclp-7d",
      "usdclp-90d",
    ]);
    for (const spec of specs) {
      expect(spec).toMatchObject({
        trigger: {
          performance: { recent: "14d", baseline: "60d", threshold: 0.15 },
          drift: { p_value: 0.05, min_severity: "medium" },
          time: { max_age: "14d" },
          cooldown: "14d",
        },
        search: {
          space: { context_length: [90, 180, 365], num_samples: [50, 100, 200], temperature: [0.8, 1, 1.2] },
          backtest: "30d",
          time_limit: "10m",
        },
        validation: {
          min_rmse_improvement: 0.05,
          min_mape_improvement: 0.03,
          max_std_ratio: 1.1,
          max_time_ratio: 1.5,
          min_coverage: 0.9,
          max_abs_bias: 5,
        },
        watch: { duration: "60m", every: "1m", failures: 3 },
      });
    }
  });

  it("have the same defaults when nothing is said", () => {
    const { trigger, search, validation, watch } = ForecasterSpec.parse({
      forecaster: "a",
      series: "s",
      horizon: "7d",
    });
    expect({
      trigger: trigger.cooldown,
      search: search.time_limit,
      validation: validation.max_std_ratio,
      watch: watch.failures,
    }).toEqual({
      trigger: "14d",
      search: "10m",
      validation: 1.1,
      watch: 3,
    });
  });
});

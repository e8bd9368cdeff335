import { describe, expect, it } from "vitest";
import { z } from "zod";
import { AbTest } from "../../shared/contracts/ab-tester.ts";
import { analyze, Case, candidate, context, create, event, until, useAbTester } from "./ab-tester.fixture.ts";

useAbTester();

describe("a test of a person", () => {
  it("runs, is listed, analyzed and stopped, without a word to any run", async () => {
    const trial = await new Case("person").setUp({ enabled: false });
    const test = await create({
      test: "warmer",
      forecaster: "person",
      challenger: { ...candidate, temperature: 2 },
      min_scores: 9,
    });
    expect(test).toMatchObject({ status: "running", min_scores: 9, challenger: { temperature: 2 } });
    expect((await trial.challenger)?.value).toMatchObject({ version: 4, temperature: 2 });
    await trial.score(2, 1);
    await until(async () => (await analyze("warmer")).comparison.pairs === 1);
    const { tests } = await context.bus.request(
      "ab-tester.list",
      undefined,
      z.object({ tests: z.array(AbTest) }),
    );
    expect(tests.map((each) => each.test)).toContain("warmer");
    expect(await context.bus.request("ab-tester.stop", { test: "warmer" }, AbTest)).toMatchObject({
      status: "stopped",
    });
    expect(await trial.challenger).toBeUndefined();
    expect(await event("concluded", "warmer")).toMatchObject({
      test: { status: "stopped" },
      comparison: { pairs: 1 },
    });
    // The place is free again.
    await create({ test: "colder", forecaster: "person", challenger: { ...candidate, temperature: 0.5 } });
  });

  it("ends with its verdict", async () => {
    const trial = await new Case("verdict").setUp({ enabled: false });
    await create({ test: "quick", forecaster: "verdict", challenger: candidate, min_scores: 2 });
    await trial.score(2, 1);
    await trial.score(2, 1);
    expect(await until(() => event("concluded", "quick"))).toMatchObject({
      outcome: "promote",
      test: { status: "completed" },
    });
    await until(async () => (await trial.challenger) === undefined);
    expect((await trial.configs.get("verdict"))?.value.version).toBe(3);
  });

  for (const [fault, payload, message] of [
    [
      "of an unknown forecaster",
      { test: "x1", forecaster: "nobody", challenger: candidate },
      "'nobody' is unknown",
    ],
    ["without a challenger", { test: "x2", forecaster: "busy" }, "field 'challenger'"],
    [
      "with a duration that is none",
      { test: "x3", forecaster: "busy", challenger: candidate, duration: "long" },
      "field 'duration'",
    ],
    [
      "of a name that exists",
      { test: "busy-1", forecaster: "busy", challenger: candidate },
      "'busy-1' exists already",
    ],
    ["beside another", { test: "x4", forecaster: "busy", challenger: candidate }, "that of test 'busy-1'"],
    [
      "with a model that is not stored",
      {
        test: "x5",
        forecaster: "busy",
        challenger: { ...candidate, model: "chronos-bolt", artifact: `sha256-${"0".repeat(64)}` },
      },
      "is not in the object store",
    ],
  ] as const) {
    it(`is refused ${fault}`, async () => {
      await new Case("busy").setUp({ enabled: false });
      await create({ test: "busy-1", forecaster: "busy", challenger: candidate }).catch(() => {});
      await expect(create(payload)).rejects.toMatchObject({
        code: 400,
        message: expect.stringContaining(message),
      });
      const { tests } = await context.bus.request(
        "ab-tester.list",
        undefined,
        z.object({ tests: z.array(AbTest) }),
      );
      expect(tests.some(({ test }) => test.startsWith("x"))).toBe(false);
    });
  }
});

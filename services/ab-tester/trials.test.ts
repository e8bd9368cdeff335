import { describe, expect, it } from "vitest";
import type { VirtualClock } from "../../shared/clock.ts";
import { AbTest, Trialled } from "../../shared/contracts/ab-tester.ts";
import { modelVersion } from "../../shared/contracts/live-config.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { newEvent } from "../../shared/events.ts";
import { SpecStore } from "../../shared/specs.ts";
import {
  analyze,
  Case,
  candidate,
  context,
  create,
  DAY_MS,
  event,
  start,
  stop,
  until,
  useAbTester,
} from "./ab-tester.fixture.ts";
import { newTest, TestState } from "./state.ts";
import { Tests } from "./tests.ts";
import { Trials } from "./trials.ts";

useAbTester();

describe("the shadow stage of a run (A-FUT-1)", () => {
  it("puts the candidate beside the champion and promotes it when it does better", async () => {
    const trial = await new Case("better").setUp();
    const approval = await trial.approve();
    expect(await trial.begun()).toMatchObject({
      ...candidate,
      version: 4,
      run_id: trial.run,
      forecaster: "better",
      horizon: "1d",
    });
    for (let n = 0; n < 4; n += 1) await trial.score(2, 1);
    const trialled = await until(() => trial.step("trialled"));
    expect(Trialled.parse(trialled.data)).toMatchObject({
      outcome: "promote",
      candidate,
      caused_by: [approval],
      comparison: { pairs: 4, champion_rmse: 2, challenger_rmse: 1, improvement: 0.5 },
      evidence: { min_scores: 4, champion: { version: 3, model_version: "v3" } },
    });
    await until(async () => (await trial.challenger) === undefined);
    const test = `shadow-${trial.run}`;
    expect(await event("created", test)).toMatchObject({ test: { run_id: trial.run } });
    expect(await event("measured", test)).toMatchObject({ comparison: { pairs: 3 } });
    expect(await until(() => event("concluded", test))).toMatchObject({
      test: { status: "completed" },
      outcome: "promote",
    });
    expect(await trial.step("rejected")).toBeUndefined();
  });

  it("rejects it when it does not, with the report and the comparison", async () => {
    const trial = await new Case("worse").setUp();
    await trial.approve();
    await trial.begun();
    for (let n = 0; n < 4; n += 1) await trial.score(1, 2);
    const rejected = Validated.parse((await until(() => trial.step("rejected"))).data);
    expect(rejected).toMatchObject({
      approved: false,
      candidate,
      evidence: { comparison: { pairs: 4, improvement: -1 } },
    });
    expect(rejected.reasons).toEqual([
      "shadow comparison: challenger RMSE 2 against the champion's 1 on 4 pairs, which is no improvement",
    ]);
    await until(async () => (await trial.challenger) === undefined);
    expect(await trial.step("trialled")).toBeUndefined();
  });

  it("runs what was validated, the family's own parameters included (A-VAL-7)", async () => {
    const trial = await new Case("own").setUp();
    const own = { ...candidate, model: "arima" as const, model_params: { p: 5, d: 0, q: 3 } };
    await trial.approve({ candidate: own });
    expect(await trial.begun()).toMatchObject(own);
    for (let n = 0; n < 4; n += 1) await trial.score(1, 2);
    const rejected = Validated.parse((await until(() => trial.step("rejected"))).data);
    expect(rejected.candidate).toEqual(own);
  });

  it("is not judged by forecasts of an earlier challenger, whose truth comes in its time", async () => {
    const earlier = await new Case("again").setUp();
    await earlier.approve();
    const left = modelVersion(await earlier.begun(), "challenger");
    await context.bus.request("ab-tester.stop", { test: `shadow-${earlier.run}` }, AbTest);
    await until(async () => (await earlier.challenger) === undefined);
    const trial = await new Case("again").setUp();
    await trial.approve();
    await until(async () => (await trial.challenger)?.value.run_id === trial.run);
    for (let n = 0; n < 4; n += 1) await trial.score(1, 2, left);
    for (let n = 0; n < 4; n += 1) await trial.score(2, 1);
    const trialled = Trialled.parse((await until(() => trial.step("trialled"))).data);
    expect(trialled.comparison).toMatchObject({ pairs: 4, champion_rmse: 2, challenger_rmse: 1 });
  });

  it("rejects it when its time is over and too few pairs have come", async () => {
    const trial = await new Case("slow").setUp({ enabled: true, min_scores: 4, duration: "2d" });
    await trial.approve();
    await trial.begun();
    await trial.score(2, 1);
    await (context.clock as VirtualClock).advanceTo(context.clock.now() + 2 * DAY_MS);
    const rejected = Validated.parse((await until(() => trial.step("rejected"))).data);
    expect(rejected.reasons[0]).toMatch(/of 4 pairs of scores came in time/);
  });

  it("is left out without a shadow stage in the spec, and at a first deployment", async () => {
    const without = await new Case("without").setUp({ enabled: false });
    const first = await new Case("first").setUp();
    const after = await new Case("after").setUp();
    await without.approve();
    await first.approve({ first_deployment: true, champion: null });
    await after.approve();
    await after.begun();
    expect(await without.challenger).toBeUndefined();
    expect(await first.challenger).toBeUndefined();
    expect(await without.step("failed")).toBeUndefined();
  });

  it("goes by what the validation said, whatever the spec says by now", async () => {
    const [off, on] = [await new Case("off").setUp({ enabled: false }), await new Case("on").setUp()];
    await on.approve({ next_stage: "deployment" });
    await off.approve({ next_stage: "trial" });
    await off.begun();
    expect(await on.challenger).toBeUndefined();
  });

  it("goes by the spec also where the service has not heard of it yet", async () => {
    await stop();
    const trial = await new Case("early").setUp();
    await trial.approve();
    const approval = await context.bus.lastMessage(
      "DECISIONS",
      subjects.step("approved", "early", trial.run),
    );
    await new Trials(context, new SpecStore(), new Tests(context)).approved(approval!);
    const state = await context.bus.kv("ab-tests", TestState).get(`shadow-${trial.run}`);
    expect(state?.value.min_scores).toBe(4);
    await start();
  });

  it("fails while another challenger has the place, and says whose it is", async () => {
    const trial = await new Case("taken").setUp();
    await create({ test: "mine", forecaster: "taken", challenger: candidate });
    await trial.approve();
    const failed = await until(() => trial.step("failed"));
    expect(failed.data).toMatchObject({
      stage: "trial",
      cause: expect.stringContaining("that of test 'mine'"),
    });
    expect((await trial.challenger)?.value.run_id).not.toBe(trial.run);
  });

  it("fails when there is no champion any more", async () => {
    const trial = await new Case("gone").setUp();
    await trial.configs.delete("gone");
    await trial.approve();
    expect((await until(() => trial.step("failed"))).data).toMatchObject({
      stage: "trial",
      cause: expect.stringContaining("no champion"),
    });
  });

  it("goes on after a restart in the middle, and counts each score once", async () => {
    const trial = await new Case("restart").setUp();
    await trial.approve();
    await trial.begun();
    await trial.score(3, 1);
    await trial.score(3, 1);
    await until(async () => (await analyze(`shadow-${trial.run}`)).comparison.pairs === 2);
    await stop();
    await trial.score(3, 1);
    await start();
    await until(async () => (await analyze(`shadow-${trial.run}`)).comparison.pairs === 3);
    expect(await trial.step("trialled")).toBeUndefined();
    await trial.score(3, 1);
    expect((await until(() => trial.step("trialled"))).data).toMatchObject({
      comparison: { pairs: 4, champion_rmse: 3 },
    });
  });

  it("begins where a predecessor died before it announced the test", async () => {
    const trial = await new Case("died").setUp();
    await stop();
    const champion = (await trial.configs.get("died"))!;
    const unplaced = newTest({
      test: `shadow-${trial.run}`,
      forecaster: "died",
      challenger_config: { ...champion.value, ...candidate, version: 4, run_id: trial.run },
      champion,
      startedAtMs: context.clock.now(),
      durationMs: DAY_MS,
      min_scores: 4,
      run_id: trial.run,
      caused_by: [],
      sequence: (await context.bus.streamState("TELEMETRY")).lastSequence,
    });
    await context.bus.kv("ab-tests", TestState).create(unplaced.test, unplaced);
    await trial.configs.create("died.challenger", unplaced.challenger_config);
    await trial.approve();
    await start();
    for (let n = 0; n < 4; n += 1) await trial.score(2, 1);
    expect((await until(() => trial.step("trialled"))).data).toMatchObject({ outcome: "promote" });
    expect(await event("created", unplaced.test)).toBeDefined();
  });

  it("ends when the stage was ended by someone else: the challenger leaves", async () => {
    const trial = await new Case("ended").setUp();
    await trial.approve();
    await trial.begun();
    const data = {
      run_id: trial.run,
      forecaster: "ended",
      caused_by: [],
      evidence: { code_version: "t" },
      stage: "trial",
      cause: "late",
      will_retry: false,
    };
    const late = newEvent({ source: "test", type: "t", subject: "ended", timeMs: context.clock.now(), data });
    await context.bus.conclude("trial", "failed", late);
    await until(async () => (await trial.challenger) === undefined);
    expect(await trial.step("rejected")).toBeUndefined();
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { VirtualClock } from "../../shared/clock.ts";
import { AbTest, AbTestEvent, Trialled } from "../../shared/contracts/ab-tester.ts";
import { CloudEvent, type StepData } from "../../shared/contracts/envelope.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type Step, subjects } from "../../shared/contracts/subjects.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { newEvent } from "../../shared/events.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { RunningService } from "../../shared/service.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { service } from "./main.ts";
import { newTest, TestState } from "./state.ts";

const DAY_MS = 86_400_000;
const candidate = {
  context_length: 180,
  num_samples: 100,
  temperature: 0.8,
  model: "last-value",
  artifact: null,
} as const;

let nats: TestNats;
let context: TestContext;
let running: RunningService;
beforeAll(async () => {
  nats = await startTestNats();
  context = await testContext(nats, { name: "ab-tester", env: { RETUNE_TRIAL_CHECK: "50ms" } });
  running = await service.start(context);
});
afterAll(async () => {
  await running.stop();
  await context[Symbol.asyncDispose]();
  await nats.stop();
});

/** A forecaster with a champion, whose spec asks for a shadow stage of four pairs unless told otherwise. */
class Case {
  readonly run = newUuidV7();
  readonly forecaster: string;
  private scores = 0;
  private nextStage: Validated["next_stage"];

  constructor(forecaster: string) {
    this.forecaster = forecaster;
  }

  async setUp(shadow: object = { enabled: true, min_scores: 4 }): Promise<this> {
    const spec = ForecasterSpec.parse({ forecaster: this.forecaster, series: "s", horizon: "1d", shadow });
    await context.bus.kv("specs", ForecasterSpec).put(this.forecaster, spec);
    // As the validator says it: the service may hear of the spec later than of the approval.
    this.nextStage = spec.shadow.enabled ? "trial" : "deployment";
    await this.configs.put(this.forecaster, {
      ...candidate,
      forecaster: this.forecaster,
      horizon: "1d",
      version: 3,
      run_id: newUuidV7(),
      validation_rmse: 1,
      validation_mape: 1,
      validation_mae: 1,
      search_iterations: 1,
      optimization_time_seconds: 1,
      timestamp: "2024-12-01T00:00:00Z",
    });
    return this;
  }

  get configs() {
    return context.bus.kv("live-configs", LiveConfig);
  }

  get challenger() {
    return this.configs.get(`${this.forecaster}.challenger`);
  }

  async approve(over: Partial<Validated> = {}): Promise<number> {
    const metrics = {
      rmse: 1,
      mape: 1,
      mae: 1,
      mase: 1,
      error_std: 1,
      mean_error: 0,
      coverage: 1,
      n: 9,
      windows: 9,
      inference_ms: 1,
    };
    const data: Validated = {
      run_id: this.run,
      forecaster: this.forecaster,
      caused_by: [1],
      evidence: { code_version: "test" },
      approved: true,
      first_deployment: false,
      candidate,
      champion: { ...candidate, version: 3 },
      champion_revision: 1,
      candidate_metrics: metrics,
      champion_metrics: metrics,
      criteria: [],
      reasons: ["better"],
      search_iterations: 27,
      optimization_time_seconds: 9,
      next_stage: over.first_deployment === true ? "deployment" : this.nextStage,
      ...over,
    };
    const event = newEvent({
      source: "test",
      type: "t",
      subject: this.forecaster,
      timeMs: context.clock.now(),
      data,
    });
    return (await context.bus.publishOnce(subjects.step("approved", this.forecaster, this.run), event))
      .sequence;
  }

  /** Publishes the scores of one target for both sides, as the inference buffer does. */
  async score(champion: number, challenger: number): Promise<void> {
    const n = this.scores++;
    const common = {
      issued_at: new Date(context.clock.now() + n * DAY_MS).toISOString(),
      target_ts: new Date(context.clock.now() + (n + 1) * DAY_MS).toISOString(),
      step: 1,
      abs_pct_error: null,
      in_interval: true,
    };
    const records = [
      { ...common, error: champion, model_version: "v3" },
      { ...common, error: challenger, model_version: "v4", variant: "challenger" },
    ];
    for (const record of records)
      await context.bus.publishTelemetry("score", this.forecaster, [record], `${n}:${record.model_version}`);
  }

  async step(step: Step): Promise<CloudEvent<StepData> | undefined> {
    const message = await context.bus.lastMessage(
      "DECISIONS",
      subjects.step(step, this.forecaster, this.run),
    );
    return message && (CloudEvent.parse(message.json()) as CloudEvent<StepData>);
  }

  /** The test is under way: the challenger is there. */
  begun(): Promise<LiveConfig> {
    return until(async () => (await this.challenger)?.value);
  }
}

async function until<T>(check: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const event = async (verb: "created" | "measured" | "concluded", test: string) => {
  const message = await context.bus.lastMessage("DECISIONS", subjects.abTest(verb, test));
  return message && AbTestEvent.parse(CloudEvent.parse(message.json()).data);
};

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
    await running.stop();
    await trial.score(3, 1);
    running = await service.start(context);
    await until(async () => (await analyze(`shadow-${trial.run}`)).comparison.pairs === 3);
    expect(await trial.step("trialled")).toBeUndefined();
    await trial.score(3, 1);
    expect((await until(() => trial.step("trialled"))).data).toMatchObject({
      comparison: { pairs: 4, champion_rmse: 3 },
    });
  });

  it("begins where a predecessor died before it announced the test", async () => {
    const trial = await new Case("died").setUp();
    await running.stop();
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
    running = await service.start(context);
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

const Analysis = z.object({
  test: AbTest,
  comparison: z.looseObject({ pairs: z.number() }),
  outcome: z.string(),
});
const create = (payload: object) => context.bus.request("ab-tester.create", payload, AbTest);
const analyze = (test: string) => context.bus.request("ab-tester.analyze", { test }, Analysis);

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

import { afterAll, beforeAll } from "vitest";
import { z } from "zod";
import { AbTest, AbTestEvent } from "../../shared/contracts/ab-tester.ts";
import { CloudEvent, type StepData } from "../../shared/contracts/envelope.ts";
import { LiveConfig, modelVersion } from "../../shared/contracts/live-config.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type Step, subjects } from "../../shared/contracts/subjects.ts";
import type { Validated } from "../../shared/contracts/validator.ts";
import { newEvent } from "../../shared/events.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { RunningService } from "../../shared/service.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { service } from "./main.ts";

export const DAY_MS = 86_400_000;
export const candidate = {
  context_length: 180,
  num_samples: 100,
  temperature: 0.8,
  model: "last-value",
  artifact: null,
} as const;

export let context: TestContext;
let running: RunningService;

/** For the top of a test file: one real server and one running ab-tester for the file. */
export function useAbTester(): void {
  let nats: TestNats;
  beforeAll(async () => {
    nats = await startTestNats();
    context = await testContext(nats, { name: "ab-tester", env: { RETUNE_TRIAL_CHECK: "50ms" } });
    await start();
  });
  afterAll(async () => {
    await stop();
    await context[Symbol.asyncDispose]();
    await nats.stop();
  });
}

export async function start(): Promise<void> {
  running = await service.start(context);
}

export function stop(): Promise<void> {
  return running.stop();
}

/** A forecaster with a champion, whose spec asks for a shadow stage of four pairs unless told otherwise. */
export class Case {
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

  /** Publishes the scores of one target for both sides, as the inference buffer does; `by`: of another challenger. */
  async score(champion: number, challenger: number, by?: string): Promise<void> {
    const version = by ?? modelVersion(await this.begun(), "challenger");
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
      { ...common, error: challenger, model_version: version, variant: "challenger" },
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

export async function until<T>(check: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a test has said last on the bus. */
export async function event(verb: "created" | "measured" | "concluded", test: string) {
  const message = await context.bus.lastMessage("DECISIONS", subjects.abTest(verb, test));
  return message && AbTestEvent.parse(CloudEvent.parse(message.json()).data);
}

const Analysis = z.object({
  test: AbTest,
  comparison: z.looseObject({ pairs: z.number() }),
  outcome: z.string(),
});
export const create = (payload: object) => context.bus.request("ab-tester.create", payload, AbTest);
export const analyze = (test: string) => context.bus.request("ab-tester.analyze", { test }, Analysis);

import { join } from "node:path";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { type Health, type Prediction, PredictReply } from "../../shared/contracts/telemetry.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { ROOT, type RunningService } from "../../shared/service.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import type { TestNats } from "../../test/support/nats.ts";
import { service } from "./main.ts";

export const TINY_BOLT = join(ROOT, "models/tiny-bolt/model.onnx");
const DAY_MS = 86_400_000;
/** Two hundred days before the test clock's time. */
const FIRST_DAY_MS = Date.parse("2025-01-01T00:00:00Z") - 200 * DAY_MS;

/** A forecaster service on a real server with everything a test wants to do to it. */
export class Harness implements AsyncDisposable {
  readonly context: TestContext;
  /** Another connection: whoever asks and writes is not the service. */
  readonly client: TestContext;
  readonly id: string;
  private readonly running = new Set<RunningService>();
  private published = 0;

  private constructor(context: TestContext, client: TestContext, id: string) {
    this.context = context;
    this.client = client;
    this.id = id;
  }

  static async on(nats: TestNats, id: string, env: NodeJS.ProcessEnv = {}): Promise<Harness> {
    const settings = { FORECASTERS: id, RETUNE_CONFIG_POLL: "100ms", RETUNE_MODEL_THREADS: "1", ...env };
    const context = await testContext(nats, { name: "forecaster", env: settings });
    return new Harness(context, await testContext(nats, { name: "client" }), id);
  }

  async start(context: TestContext = this.context): Promise<RunningService> {
    const running = await service.start(context);
    this.running.add(running);
    return running;
  }

  async stop(running: RunningService): Promise<void> {
    this.running.delete(running);
    await running.stop();
  }

  async spec(over: object = {}): Promise<void> {
    const spec = ForecasterSpec.parse({ forecaster: this.id, series: this.id, horizon: "3d", ...over });
    await this.client.bus.kv("specs", ForecasterSpec).put(this.id, spec);
  }

  /** Publishes the next daily observations, one message each. */
  async observe(count: number, over: object = {}): Promise<string> {
    let ts = "";
    for (let i = 0; i < count; i += 1) {
      const n = this.published++;
      ts = new Date(FIRST_DAY_MS + n * DAY_MS).toISOString();
      const record = { ts, values: { value: 100 + 5 * Math.sin(n / 5) }, ...over };
      await this.client.bus.publishTelemetry("observation", this.id, [record], `${n}`);
    }
    return ts;
  }

  /** Publishes a payload as it is on the series' subject. */
  async observeRaw(payload: string): Promise<void> {
    await this.client.bus.store(subjects.telemetry("observation", this.id), payload, newUuidV7());
  }

  liveConfig(version: number, over: object = {}): LiveConfig {
    return LiveConfig.parse({
      forecaster: this.id,
      horizon: "3d",
      context_length: 90,
      num_samples: 50,
      temperature: 1,
      model: "seasonal-naive",
      artifact: null,
      version,
      run_id: newUuidV7(),
      validation_rmse: 1,
      validation_mape: 1,
      validation_mae: 1,
      search_iterations: 1,
      optimization_time_seconds: 1,
      timestamp: "2025-01-01T00:00:00Z",
      ...over,
    });
  }

  /** Writes the live config and returns its revision. */
  putLive(version: number, over: object = {}, key = this.id): Promise<number> {
    return this.client.bus.kv("live-configs", LiveConfig).put(key, this.liveConfig(version, over));
  }

  predict(payload: unknown = undefined): Promise<PredictReply> {
    return this.client.bus.request(subjects.predict(this.id), payload, PredictReply);
  }

  /** Forecasts in the stream, each as its records. */
  async predictions(): Promise<Prediction[][]> {
    const found: Prediction[][] = [];
    const filter = subjects.telemetry("prediction", this.id);
    for await (const message of this.client.bus.read("TELEMETRY", { filter }))
      found.push([message.json()].flat() as Prediction[]);
    return found;
  }

  async health(): Promise<Health | undefined> {
    const last = await this.client.bus.lastMessage("TELEMETRY", subjects.telemetry("health", this.id));
    return last?.json() as Health | undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.running) await running.stop();
    await this.context[Symbol.asyncDispose]();
    await this.client[Symbol.asyncDispose]();
  }
}

/** Waits until `check` gives something; the test's own time-out ends a wait in vain. */
export async function until<T>(check: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A forecaster with forty observations that serves its first config; resolves with that one's revision. */
export async function serving(harness: Harness, over: object = {}): Promise<number> {
  await harness.spec();
  await harness.observe(40);
  const revision = await harness.putLive(1, over);
  await harness.start();
  await until(async () => (await harness.predict().catch(() => undefined))?.live_revision === revision);
  return revision;
}

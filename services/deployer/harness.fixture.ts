import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import type { z } from "zod";
import type { KvBucket } from "../../shared/bus/kv.ts";
import { VirtualClock } from "../../shared/clock.ts";
import { Deployed } from "../../shared/contracts/deployer.ts";
import { CloudEvent, type StepData } from "../../shared/contracts/envelope.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type Step, subjects } from "../../shared/contracts/subjects.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { RunningService } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { deployerConfig, gitSettings } from "./config.ts";
import { APPROVED_AT, approval, liveConfig } from "./deployer.fixture.ts";
import { Deployments } from "./deployments.ts";
import { Heartbeats } from "./heartbeats.ts";
import { LiveFolder } from "./live-folder.ts";
import { LiveRepository } from "./live-repository.ts";
import { service } from "./main.ts";
import type { LivePorts } from "./ports.ts";
import { Rollbacks } from "./rollbacks.ts";
import { WatchState, watchKey } from "./state.ts";
import { Verifier } from "./verifier.ts";
import { Watcher } from "./watcher.ts";

vi.setConfig({ testTimeout: 30_000 });

/** The parts of a deployer that deploy and watch, on a context's bus and folder, without its consumers. */
export async function assemble(context: TestContext) {
  const { bus, dirs, env } = context;
  const config = deployerConfig(env);
  const ports: LivePorts = {
    configs: bus.kv("live-configs", LiveConfig),
    folder: new LiveFolder(join(dirs.configs, "live")),
    repository: new LiveRepository(join(dirs.configs, "live"), gitSettings(config)),
  };
  const specs = await openSpecs(context);
  const states = bus.kv("states", WatchState);
  const verifier = new Verifier(context, specs, states);
  const rollbacks = new Rollbacks(context, ports, states, verifier);
  const parts = { specs, states, heartbeats: new Heartbeats(), rollbacks, verifier, config };
  const watcher = new Watcher(context, parts);
  const through = (over: Partial<LivePorts>) =>
    new Deployments(context, { ...ports, ...over }, specs, watcher);
  const stop = async () => {
    await watcher.stop();
    specs.stop();
  };
  return { ports, through, deployments: through({}), stop };
}

export const START = Date.parse(APPROVED_AT);
export const MINUTE = 60_000;

/** What a test of the whole service needs: a server for the file, and for each test a forecaster of its own. */
export function useDeployer() {
  let nats: TestNats;
  let running: RunningService | undefined;
  let count = 0;
  const at = {} as {
    nats: TestNats;
    context: TestContext;
    clock: VirtualClock;
    configs: KvBucket<LiveConfig>;
    forecaster: string;
  };

  beforeAll(async () => {
    nats = await startTestNats();
    at.nats = nats;
  });
  afterAll(() => nats.stop());

  beforeEach(async () => {
    count += 1;
    at.forecaster = `f-${count}`;
    at.clock = new VirtualClock(START);
    at.context = await testContext(nats, {
      name: "deployer",
      clock: at.clock,
      env: { RETUNE_WATCH_SETTLE_MS: "300" },
    });
    at.configs = at.context.bus.kv("live-configs", LiveConfig);
    await applySpec({});
  });
  const stop = async () => {
    await running?.stop();
    running = undefined;
  };
  afterEach(async () => {
    await stop();
    await at.context[Symbol.asyncDispose]();
  });

  const live = () => join(at.context.dirs.configs, "live");
  const applySpec = (spec: object) =>
    at.context.bus
      .kv("specs", ForecasterSpec)
      .put(
        at.forecaster,
        ForecasterSpec.parse({ forecaster: at.forecaster, series: "usdclp", horizon: "7d", ...spec }),
      );
  const start = async () => {
    running = await service.start(at.context);
  };

  async function champion(overrides: Partial<LiveConfig> = {}) {
    const value = liveConfig({ forecaster: at.forecaster, ...overrides });
    return { value, revision: await at.configs.put(at.forecaster, value) };
  }

  async function publish(step: Step, event: CloudEvent<StepData>): Promise<number> {
    return (await at.context.bus.publishOnce(subjects.step(step, at.forecaster, event.data.run_id), event))
      .sequence;
  }

  /** The data of a step once it is published. */
  async function published<S extends z.ZodType>(step: Step, run: string, schema: S): Promise<z.infer<S>> {
    const subject = subjects.step(step, at.forecaster, run);
    const message = await eventually(() => at.context.bus.lastMessage("DECISIONS", subject), subject);
    return schema.parse(CloudEvent.parse(message.json()).data);
  }

  async function eventually<T>(read: () => Promise<T | undefined>, what: string): Promise<T> {
    for (let tries = 0; tries < 2_000; tries += 1) {
      const found = await read();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${what} did not come; log: ${JSON.stringify(at.context.log.lines.slice(-5))}`);
  }

  const watchState = () => at.context.bus.kv("states", WatchState).get(watchKey(at.forecaster));
  const inPhase = (phase: WatchState["phase"]) =>
    eventually(
      async () => ((await watchState())?.value.phase === phase ? true : undefined),
      `phase ${phase}`,
    );

  /** Deploys a candidate over a champion and waits until it is watched. */
  async function deployed(over?: Awaited<ReturnType<typeof champion>>): Promise<Deployed> {
    const event = approval(over, { forecaster: at.forecaster });
    await publish("approved", event);
    const data = await published("deployed", event.data.run_id, Deployed);
    await inPhase("watching");
    return data;
  }

  async function beat(revision: number, overrides: object = {}): Promise<void> {
    const health = {
      instance: "i1",
      status: "ok",
      live_revision: revision,
      model_version: "v",
      rss_mb: 1,
      latency_ms_p50: 1,
      failures: 0,
      loaded_at: null,
      ...overrides,
    };
    await at.context.bus.publishTelemetry("health", at.forecaster, [health], newUuidV7());
  }

  async function score(version: string, error: number, n: number): Promise<void> {
    const record = {
      issued_at: APPROVED_AT,
      target_ts: APPROVED_AT,
      step: 1,
      error,
      abs_pct_error: 1,
      in_interval: true,
      model_version: version,
    };
    await at.context.bus.publishTelemetry("score", at.forecaster, Array(n).fill(record), newUuidV7());
  }

  return {
    at,
    start,
    stop,
    live,
    applySpec,
    champion,
    publish,
    published,
    eventually,
    watchState,
    inPhase,
    deployed,
    beat,
    score,
  };
}

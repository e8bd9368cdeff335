import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Bus } from "../../shared/bus/bus.ts";
import { connectBus } from "../../shared/bus/connect.ts";
import type { Message } from "../../shared/bus/message.ts";
import { CloudEvent, StepData } from "../../shared/contracts/envelope.ts";
import { foldRun, type RunSummary } from "../../shared/contracts/run.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { parseStepSubject } from "../../shared/contracts/subjects.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { ROOT } from "../../shared/service.ts";
import { recordedLog } from "./context.ts";
import { startTestNats, type TestNats } from "./nats.ts";

const HOUR_MS = 3_600_000;

/** An hourly series with a daily cycle, a slow trend and noise: the same each time. */
export function series(count: number, endMs: number): { ts: string; values: { value: number } }[] {
  let state = 12_345;
  const noise = () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31 - 0.5;
  };
  return Array.from({ length: count }, (_, i) => ({
    ts: new Date(endMs - (count - 1 - i) * HOUR_MS).toISOString(),
    values: { value: 100 + 0.01 * i + 8 * Math.sin((2 * Math.PI * i) / 24) + 2 * noise() },
  }));
}

/** The same spec with another number of draws, so that the next search finds another candidate. */
export function withSamples(samples: number) {
  return (spec: ForecasterSpec): ForecasterSpec => ({
    ...spec,
    search: { ...spec.search, space: { ...spec.search.space, num_samples: [samples] } },
  });
}

/** A spec for tests: hourly, a small grid, limits that let a candidate pass, a watch of seconds. */
export function testSpec(forecaster: string, changes: Record<string, unknown> = {}) {
  return {
    forecaster,
    series: "load",
    step: "1h",
    season_length: 24,
    horizon: "6h",
    model: { family: "chronos-bolt", path: "models/tiny-bolt/model.onnx" },
    trigger: { time: { enabled: false }, performance: { enabled: false }, drift: { enabled: false } },
    search: {
      space: { context_length: [96, 192], num_samples: [20, 50], temperature: [1] },
      backtest: "2d",
      step_size: 6,
      history: "40d",
    },
    validation: {
      min_rmse_improvement: -1e6,
      max_std_ratio: 1e6,
      max_time_ratio: 1e6,
      min_coverage: 0,
      max_abs_bias: 1e6,
    },
    watch: { duration: "3s", every: "1s", failures: 3 },
    ...changes,
  };
}

/** A nats-server, folders with specs and the shipped alert rules, and a connection to look at it all. */
export interface World extends AsyncDisposable {
  readonly nats: TestNats;
  readonly bus: Bus;
  readonly data: string;
  readonly configs: string;
  readonly env: NodeJS.ProcessEnv;
  /** Changes a spec while everything runs, as a person would. */
  changeSpec(forecaster: string, change: (spec: ForecasterSpec) => ForecasterSpec): Promise<void>;
  /** Every run in DECISIONS, folded, by id. */
  runs(): Promise<Map<string, RunSummary>>;
  /** Asks for a run and resolves with the run that answers, once it has ended. */
  request(payload: string, timeoutMs?: number): Promise<RunSummary>;
  /** Polls until `find` finds a run; the error names what was there instead. */
  until(
    what: string,
    find: (runs: RunSummary[]) => RunSummary | undefined,
    timeoutMs?: number,
  ): Promise<RunSummary>;
}

export async function createWorld(specs: readonly object[]): Promise<World> {
  const nats = await startTestNats();
  const folder = await mkdtemp(join(tmpdir(), "retune-world-"));
  const data = join(folder, "data");
  const configs = join(folder, "configs");
  await mkdir(join(configs, "forecasters"), { recursive: true });
  await cp(join(ROOT, "configs", "alerts.yaml"), join(configs, "alerts.yaml"));
  for (const spec of specs) {
    await writeFile(
      join(configs, "forecasters", `${(spec as { forecaster: string }).forecaster}.yaml`),
      stringify(spec),
    );
  }
  const connection = await connectBus(
    { servers: nats.url },
    {
      source: "retune/test/observer",
      artifactFolder: join(data, "artifacts"),
      codeVersion: "test",
      log: recordedLog(),
      now: () => Date.now(),
    },
  );
  await connection.provision({ replicas: 1, create: true });
  const { bus } = connection;

  const runs = async () => {
    const found = new Map<string, RunSummary>();
    for await (const message of bus.read("DECISIONS", { filter: "retrain.>" })) {
      const parts = parseStepSubject(message.subject);
      if (parts === undefined) continue;
      const { subject, sequence } = message;
      const event = stepEvent(message);
      const run = event && foldRun(found.get(parts.run), { subject, sequence, event });
      if (run !== undefined) found.set(parts.run, run);
    }
    return found;
  };
  const until: World["until"] = async (what, find, timeoutMs = 60_000) => {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const all = [...(await runs()).values()];
      const found = find(all);
      if (found !== undefined) return found;
      if (performance.now() > deadline) {
        const seen = all.map(
          (run) => `${run.run_id} ${run.forecaster} ${run.steps.map(({ step }) => step).join(",")}`,
        );
        throw new Error(`waited ${timeoutMs} ms for ${what}; runs: ${seen.join(" | ") || "none"}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  return {
    nats,
    bus,
    data,
    configs,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NATS_URL: nats.url,
      RETUNE_DATA: data,
      RETUNE_CONFIGS: configs,
      RETUNE_PORT: "0",
      RETUNE_HEALTH_INTERVAL: "500ms",
      LOG_LEVEL: process.env.LOG_LEVEL ?? "fatal",
    },
    async changeSpec(forecaster, change) {
      const specs = bus.kv("specs", ForecasterSpec);
      const entry = await specs.get(forecaster);
      await specs.update(forecaster, change(entry!.value), entry!.revision);
    },
    runs,
    async request(payload, timeoutMs) {
      const asked: object = payload.startsWith("{") ? JSON.parse(payload) : { forecaster: payload };
      const id = newUuidV7();
      const sequence = await bus.store("retrain.request", JSON.stringify({ request_id: id, ...asked }), id);
      const answers = (run: RunSummary) => run.steps[0]?.data.caused_by.includes(sequence) === true;
      return until(
        `the answer to ${payload}`,
        (all) => all.find((run) => answers(run) && run.terminal),
        timeoutMs,
      );
    },
    until,
    async [Symbol.asyncDispose]() {
      await connection.drain();
      await nats.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The event of a step; undefined for what a test published to be no event. */
function stepEvent(message: Message): CloudEvent<StepData> | undefined {
  try {
    const event = CloudEvent.parse(message.json());
    return { ...event, data: StepData.parse(event.data) };
  } catch {
    return undefined;
  }
}

/** How long a live config takes to serve, and what that costs requests meanwhile. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { service } from "../../services/forecaster/main.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { PredictReply } from "../../shared/contracts/telemetry.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { ROOT } from "../../shared/service.ts";
import { testContext } from "../support/context.ts";
import { startTestNats } from "../support/nats.ts";
import { type BenchResult, quantile } from "./result.ts";

const FORECASTER = "bench";
const SWAPS = 120;
/** Between swaps, so that they do not wait for each other. */
const PAUSE_MS = 60;
/** From the end of a search to the deployment: the shortest that a candidate can be proved in. */
const PROOF_MS = 300;
/** About as long as a thread computes to open a model. */
const COMPUTING_MS = 15;

/**
 * Time from the write of a config to its first answer, and requests' p99 with and without swaps. Four kinds of swap:
 * other hyper-parameters of the model that is served, which is what most deployments are; another model of 4.3 MB, as
 * a run deploys it, which its search had announced before it was proved; another one that lies in the local cache; and
 * one that only the object store has, as after a start. Requests are counted from the announcement on, and compared
 * with those just before and just after, for a shared machine is not the same from minute to minute.
 *
 * At last a thread that only counts takes the place of swaps: what the machine makes of any work beside requests.
 */
export async function run(): Promise<BenchResult[]> {
  await using nats = await startTestNats();
  const env = { FORECASTERS: FORECASTER };
  await using server = await testContext(nats, { name: "forecaster", env });
  await using client = await testContext(nats, { name: "client" });
  const spec = ForecasterSpec.parse({ forecaster: FORECASTER, series: FORECASTER, horizon: "7d" });
  await client.bus.kv("specs", ForecasterSpec).put(FORECASTER, spec);
  await client.bus.publishTelemetry("observation", FORECASTER, history(365), "history");

  const model = await readFile(join(ROOT, "models/tiny-bolt/model.onnx"));
  const store = async (bus: Bus, name: string, count: number) => {
    const digests: string[] = [];
    for (let i = 0; i < count; i += 1) digests.push(await bus.artifacts.put(remarked(model, `${name}-${i}`)));
    return digests;
  };
  const cachedDigests = await store(server.bus, "cached", SWAPS + 1);
  const remoteDigests = await store(client.bus, "remote", SWAPS); // its cache is another folder
  const foundDigests = await store(client.bus, "found", SWAPS);

  const configs = client.bus.kv("live-configs", LiveConfig);
  let version = 0;
  const put = (artifact: string) => {
    version += 1;
    return configs.put(FORECASTER, liveConfig(version, artifact));
  };
  const first = await put(cachedDigests[0]!);
  const running = await service.start(server);
  const requests = new Requests(() =>
    client.bus.request(subjects.predict(FORECASTER), undefined, PredictReply),
  );
  await requests.served(first);

  await sleep(500);
  const calm = () => requests.latencies(async () => sleep((SWAPS * PAUSE_MS) / 2));
  const announce = async (artifact: string) => {
    const { model, context_length, num_samples, temperature } = liveConfig(version, artifact);
    const candidate = { model, context_length, num_samples, temperature, artifact };
    const id = newUuidV7();
    const subject = subjects.step("searched", FORECASTER, id);
    await client.bus.store(subject, JSON.stringify({ data: { candidate } }), id);
    await sleep(PROOF_MS);
  };
  const around = async (task: () => Promise<number[]>) => {
    const before = await calm();
    let times: number[] = [];
    const latencies = await requests.latencies(async () => {
      times = await task();
    });
    return { times, latencies, calm: [...before, ...(await calm())] };
  };
  const swap = (digests: readonly string[], before = async (_: string) => {}) =>
    around(async () => {
      const times: number[] = [];
      for (const digest of digests) {
        await before(digest);
        const begun = performance.now();
        const revision = await put(digest);
        times.push((await requests.served(revision)) - begun);
        await sleep(PAUSE_MS);
      }
      return times;
    });
  const same = await swap(Array(SWAPS).fill(cachedDigests[0]!));
  const found = await swap(foundDigests, announce);
  const local = await swap(cachedDigests.slice(1));
  const stored = await swap(remoteDigests);
  const bare = await around(compute);
  requests.stop();
  await running.stop();

  const ratio = (...parts: Awaited<ReturnType<typeof around>>[]) => {
    const p99 = (of: "latencies" | "calm") =>
      quantile(
        parts.flatMap((part) => part[of]),
        0.99,
      );
    return p99("latencies") / p99("calm");
  };
  const lines = (kind: string, swapped: Awaited<ReturnType<typeof around>>, target: string) => [
    { name: `config written to serving, ${kind}, p50`, value: quantile(swapped.times, 0.5), unit: "ms" },
    {
      name: `config written to serving, ${kind}, p99`,
      value: quantile(swapped.times, 0.99),
      unit: "ms",
      target,
    },
    { name: `request p99, calm, around ${kind}`, value: quantile(swapped.calm, 0.99), unit: "ms" },
    { name: `request p99 during swaps / calm, ${kind}`, value: ratio(swapped), unit: "x", target: "<= 3" },
  ];
  return [
    ...lines("other hyper-parameters", same, "<= 50"),
    ...lines("model of a run's candidate", found, "<= 50"),
    ...lines("model in the local cache", local, "<= 50"),
    ...lines("model from the object store", stored, "<= 150"),
    {
      // A candidate's is left out: most of its requests fall into the proof.
      name: "request p99 during swaps / calm, hyper-parameters, local cache and object store together",
      value: ratio(same, local, stored),
      unit: "x",
      target: "<= 3",
    },
    {
      name: `request p99 / calm, no swaps, a thread that counts for ${COMPUTING_MS} ms instead`,
      value: ratio(bare),
      unit: "x",
    },
  ];
}

/** A thread counts as often as models were swapped. @returns how long each time took, ms */
async function compute(): Promise<number[]> {
  const code = `const { parentPort } = require("node:worker_threads");
    parentPort.on("message", (ms) => {
      const end = performance.now() + ms;
      while (performance.now() < end);
      parentPort.postMessage("done");
    });`;
  const worker = new Worker(code, { eval: true });
  const times: number[] = [];
  for (let i = 0; i < SWAPS; i += 1) {
    const begun = performance.now();
    worker.postMessage(COMPUTING_MS);
    await once(worker, "message");
    times.push(performance.now() - begun);
    await sleep(PAUSE_MS);
  }
  await worker.terminate();
  return times;
}

/** Requests about every millisecond, one after the other, for ever. */
class Requests {
  private readonly ask: () => Promise<PredictReply>;
  private stopped = false;
  private revision = 0;
  private readonly waiting: { revision: number; resolve: (at: number) => void }[] = [];
  private recorded: number[] = [];

  constructor(ask: () => Promise<PredictReply>) {
    this.ask = ask;
    void this.loop();
  }

  /** Resolves with the time of the first answer of this revision or a newer one. */
  served(revision: number): Promise<number> {
    if (this.revision >= revision) return Promise.resolve(performance.now());
    return new Promise((resolve) => this.waiting.push({ revision, resolve }));
  }

  /** Latencies of the requests made during `task`, ms. */
  async latencies(task: () => Promise<unknown>): Promise<number[]> {
    this.recorded = [];
    await task();
    return this.recorded;
  }

  stop(): void {
    this.stopped = true;
  }

  private async loop(): Promise<void> {
    while (!this.stopped) {
      const begun = performance.now();
      const reply = await this.ask().catch(() => undefined);
      const at = performance.now();
      if (reply !== undefined) {
        this.recorded.push(at - begun);
        this.revision = reply.live_revision;
        for (const each of this.waiting.splice(0)) {
          if (each.revision <= reply.live_revision) each.resolve(at);
          else this.waiting.push(each);
        }
      }
      await sleep(1);
    }
  }
}

/** The same model under another digest: a remark at the end of the file, which is a field of the format. */
function remarked(model: Uint8Array, text: string): Uint8Array {
  const remark = new TextEncoder().encode(text);
  return Buffer.concat([model, Uint8Array.of(6 * 8 + 2, remark.length), remark]);
}

function history(days: number): object[] {
  const end = Date.parse("2025-01-01T00:00:00Z");
  return Array.from({ length: days }, (_, i) => ({
    ts: new Date(end - (days - i) * 86_400_000).toISOString(),
    values: { value: 900 + 20 * Math.sin(i / 9) + 3 * Math.sin(i / 2) },
  }));
}

function liveConfig(version: number, artifact: string): LiveConfig {
  return {
    forecaster: FORECASTER,
    horizon: "7d",
    context_length: 180,
    num_samples: 100,
    temperature: 1 + version / 1000,
    model: "chronos-bolt",
    artifact,
    version,
    run_id: newUuidV7(),
    validation_rmse: null,
    validation_mape: null,
    validation_mae: null,
    search_iterations: 0,
    optimization_time_seconds: 0,
    timestamp: "2025-01-01T00:00:00Z",
  };
}

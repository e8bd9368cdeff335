import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { BufferStats } from "../../shared/contracts/inference-buffer.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { rows } from "../../shared/history/duckdb.ts";
import { History } from "../../shared/history/history.ts";
import { testContext } from "../../test/support/context.ts";
import { startTestNats } from "../../test/support/nats.ts";

const ROWS = 6_000;
const PER_MESSAGE = 20;
const KILLS = 5;
const SEED = 7;
const STEP_MS = 60_000;
const START = Date.parse("2024-06-01T00:00:00Z");

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const at = (n: number) => new Date(START + n * STEP_MS).toISOString();

it("keeps each row and scores each prediction exactly once over kill -9 of buffer and server (K-1)", {
  timeout: 120_000,
}, async () => {
  await using nats = await startTestNats();
  const data = await mkdtemp(join(tmpdir(), "retune-kill-"));
  await using context = await testContext(nats, { data });
  await context.bus
    .kv("specs", ForecasterSpec)
    .put("k1", ForecasterSpec.parse({ forecaster: "k1", series: "k", horizon: "1d" }));

  let buffer: ChildProcess | undefined;
  // Kept from the start: a buffer whose server dies while it starts ends by itself, before anyone waits for it.
  let ended: Promise<unknown> = Promise.resolve();
  const startBuffer = () => {
    const env = {
      ...process.env,
      NATS_URL: nats.url,
      RETUNE_DATA: data,
      RETUNE_BUFFER_FLUSH_MS: "20",
      RETUNE_BUFFER_FLUSH_ROWS: "400",
      LOG_LEVEL: "error",
    };
    buffer = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    ended = once(buffer, "exit");
  };
  const killBuffer = async () => {
    buffer!.kill("SIGKILL");
    await ended;
  };
  try {
    startBuffer();
    const random = seeded(SEED);
    let published = 0;
    const publishing = (async () => {
      for (let n = 0; n < ROWS; n += PER_MESSAGE) {
        const observations = Array.from({ length: PER_MESSAGE }, (_, i) => ({
          ts: at(n + i),
          values: { value: (n + i) % 97 },
        }));
        // Each observation is forecast once, half a message ahead, so that truth and prediction race.
        const predictions = Array.from({ length: PER_MESSAGE }, (_, i) => ({
          issued_at: at(n + i - 1),
          target_ts: at(n + i),
          step: 1,
          mean: 50,
          lower: 0,
          upper: 100,
          known_entity: true,
          model_version: "v1",
          latency_ms: 1,
        }));
        await context.bus.publishTelemetry("prediction", "k1", predictions, `p-${n}`);
        await context.bus.publishTelemetry("observation", "k", observations, `o-${n}`);
        published = n + PER_MESSAGE;
        await sleep(10);
      }
    })();
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(400 + random() * 900);
      if (kill % 2 === 1) await nats.kill9AndRestart();
      await killBuffer();
      startBuffer();
    }
    await publishing;
    expect(published).toBe(ROWS);

    let last: BufferStats | undefined;
    for (let tries = 0; tries < 400; tries++) {
      last = await context.bus
        .request("inference-buffer.stats", undefined, BufferStats, { timeoutMs: 1_000 })
        .catch(() => undefined);
      const { lastSequence } = await context.bus.streamState("TELEMETRY");
      if (last?.scored === ROWS && last.last_sequence === lastSequence) break;
      await sleep(50);
    }
    expect(last).toMatchObject({ scored: ROWS, pending_predictions: 0, quarantined: 0 });
    buffer!.kill("SIGTERM");
    await ended;

    const history = await History.open({ folder: join(data, "history") });
    expect(history.problems).toEqual([]);
    const found = await history.read((relation, connection) =>
      rows(
        connection,
        `SELECT kind, count(*)::INTEGER AS rows, count(DISTINCT (seq, idx))::INTEGER AS places, count(DISTINCT coalesce(ts, target_ts))::INTEGER AS times
         FROM ${relation} GROUP BY kind ORDER BY kind`,
      ),
    );
    const once1 = { rows: ROWS, places: ROWS, times: ROWS };
    expect(found).toEqual([
      { kind: "observation", ...once1 },
      { kind: "prediction", ...once1 },
      { kind: "score", ...once1 },
    ]);
    await history.close();
  } finally {
    buffer?.kill("SIGKILL");
    await rm(data, { recursive: true, force: true });
  }
});

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { BufferStats } from "../../shared/contracts/inference-buffer.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { RetuneError } from "../../shared/errors.ts";
import { rows } from "../../shared/history/duckdb.ts";
import { History } from "../../shared/history/history.ts";
import { testContext } from "../../test/support/context.ts";
import { startTestNats } from "../../test/support/nats.ts";
import { seeded } from "../../test/support/seeded.ts";

/** Rows that are forecast and scored. */
const ROWS = 6_000;
const PER_MESSAGE = 20;
/** Rows that are only kept, and kills of each of the two; five million and fifty on request. */
const BULK_ROWS = Number(process.env.RETUNE_KILL_ROWS ?? 20_000);
const KILLS = Number(process.env.RETUNE_KILLS ?? 3);
const BULK_PER_MESSAGE = 200;
const PUBLISHERS = 4;
const SEED = 7;
const STEP_MS = 60_000;
const START = Date.parse("2024-06-01T00:00:00Z");
const LIMIT_MS = 120_000 + KILLS * 15_000 + BULK_ROWS / 5;

const at = (n: number) => new Date(START + n * STEP_MS).toISOString();

/** A buffer in a process of its own, started again whenever it ends, as a supervisor does. */
class SupervisedBuffer {
  private readonly env: NodeJS.ProcessEnv;
  private child: ChildProcess | undefined;
  private ended: Promise<unknown> = Promise.resolve();
  private isWanted = true;

  constructor(env: NodeJS.ProcessEnv) {
    this.env = env;
  }

  start(): void {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
      env: { ...process.env, ...this.env },
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.child = child;
    this.ended = once(child, "exit").then(() => {
      if (this.isWanted && this.child === child) setTimeout(() => this.isWanted && this.start(), 100);
    });
  }

  async kill(): Promise<void> {
    const { child, ended } = this;
    child?.kill("SIGKILL");
    await ended;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.isWanted = false;
    this.child?.kill(signal);
    await this.ended;
  }
}

it(`keeps each acked row and scores each prediction exactly once over ${KILLS} kill -9 of buffer and of server each (K-1)`, {
  timeout: LIMIT_MS,
}, async () => {
  await using nats = await startTestNats();
  const data = await mkdtemp(join(tmpdir(), "retune-kill-"));
  await using context = await testContext(nats, { data });
  const { bus } = context;
  await bus
    .kv("specs", ForecasterSpec)
    .put("k1", ForecasterSpec.parse({ forecaster: "k1", series: "k", horizon: "1d" }));
  const buffer = new SupervisedBuffer({
    NATS_URL: nats.url,
    RETUNE_DATA: data,
    RETUNE_BUFFER_FLUSH_MS: "20",
    RETUNE_BUFFER_FLUSH_ROWS: String(Math.max(400, BULK_ROWS / 250)),
    LOG_LEVEL: "fatal",
  });
  try {
    buffer.start();
    const random = seeded(SEED);
    let kills = 0;
    /** Nothing is published faster than the kills go on, so that all of it is exposed to them. */
    const pace = async (done: number) => {
      while (done > (kills + 1) / (KILLS + 1)) await sleep(5);
    };
    const publish = async (
      kind: "observation" | "prediction",
      id: string,
      records: object[],
      name: string,
    ) => {
      for (;;) {
        try {
          return await bus.publishTelemetry(kind, id, records, name);
        } catch (error) {
          if (!(error instanceof RetuneError) || error.disposition !== "retry") throw error;
        }
      }
    };
    const publishScored = async () => {
      for (let n = 0; n < ROWS; n += PER_MESSAGE) {
        await pace(n / ROWS);
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
        await publish("prediction", "k1", predictions, `p-${n}`);
        await publish("observation", "k", observations, `o-${n}`);
      }
    };
    /** First number of each message that was acked. */
    const acked: number[] = [];
    let next = 0;
    const publishBulk = async () => {
      for (let n = next; n < BULK_ROWS; n = next) {
        next += BULK_PER_MESSAGE;
        await pace(n / BULK_ROWS);
        const records = Array.from({ length: BULK_PER_MESSAGE }, (_, i) => ({
          ts: new Date(START + 10 * (n + i)).toISOString(),
          entity: `server-${(n + i) % 50}`,
          values: { number: n + i },
        }));
        await publish("observation", "bulk", records, `b-${n}`);
        acked.push(n);
      }
    };
    const publishing = Promise.all([publishScored(), ...Array.from({ length: PUBLISHERS }, publishBulk)]);
    while (kills < KILLS) {
      await sleep(300 + random() * 900);
      if (kills % 2 === 1) await buffer.kill();
      await nats.kill9AndRestart();
      await sleep(random() * 300);
      if (kills % 2 === 0) await buffer.kill();
      kills += 1;
    }
    await publishing;
    expect(acked).toHaveLength(Math.ceil(BULK_ROWS / BULK_PER_MESSAGE));

    let last: BufferStats | undefined;
    for (const deadline = Date.now() + LIMIT_MS / 3; Date.now() < deadline; await sleep(100)) {
      last = await bus
        .request("inference-buffer.stats", undefined, BufferStats, { timeoutMs: 2_000 })
        .catch(() => undefined);
      const { lastSequence } = await bus.streamState("TELEMETRY");
      if (last?.scored === ROWS && last.last_sequence === lastSequence) break;
    }
    expect(last).toMatchObject({ scored: ROWS, pending_predictions: 0, quarantined: 0 });
    await buffer.end("SIGTERM");

    const history = await History.open({ folder: join(data, "history") });
    expect(history.problems).toEqual([]);
    const found = await history.read((relation, connection) =>
      rows(
        connection,
        `SELECT kind, count(*)::INTEGER AS rows, count(DISTINCT (seq, idx))::INTEGER AS places, count(DISTINCT coalesce(ts, target_ts))::INTEGER AS times
         FROM ${relation} WHERE id <> 'bulk' GROUP BY kind ORDER BY kind`,
      ),
    );
    const once1 = { rows: ROWS, places: ROWS, times: ROWS };
    expect(found).toEqual([
      { kind: "observation", ...once1 },
      { kind: "prediction", ...once1 },
      { kind: "score", ...once1 },
    ]);
    const compared = await history.read((relation, connection) =>
      rows(
        connection,
        `WITH sent AS (SELECT (first + i)::DOUBLE AS number FROM (SELECT unnest([${acked.join(",")}]) AS first), range(${BULK_PER_MESSAGE}) r(i)),
              kept AS (SELECT value AS number FROM ${relation} WHERE id = 'bulk')
         SELECT (SELECT count(*) FROM kept)::INTEGER AS rows,
                (SELECT count(*) FROM (SELECT number FROM sent EXCEPT ALL SELECT number FROM kept))::INTEGER AS lost,
                (SELECT count(*) FROM (SELECT number FROM kept EXCEPT ALL SELECT number FROM sent))::INTEGER AS unsent_or_twice`,
      ),
    );
    expect(compared).toEqual([{ rows: acked.length * BULK_PER_MESSAGE, lost: 0, unsent_or_twice: 0 }]);
    await history.close();
  } finally {
    await buffer.end("SIGKILL");
    await rm(data, { recursive: true, force: true });
  }
});

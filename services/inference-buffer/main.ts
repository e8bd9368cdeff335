/** Keeps all telemetry as daily Parquet files, joins predictions to the truth, hands out windows. See README.md. */
import { join } from "node:path";
import type { BufferStats } from "../../shared/contracts/inference-buffer.ts";
import { rows } from "../../shared/history/duckdb.ts";
import { History } from "../../shared/history/history.ts";
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import { bufferSettings } from "./config.ts";
import { Ingest } from "./ingest.ts";
import { Outbox } from "./outbox.ts";
import { Quarantine } from "./quarantine.ts";
import { daysNeeded } from "./retention.ts";
import { Sink } from "./sink.ts";
import { afterQuiet, repeated } from "./timers.ts";
import { Windows } from "./windows.ts";

const UPKEEP_EVERY_MS = 2_000;
const PATROL_EVERY_MS = 30_000;
const SPEC_QUIET_MS = 50;

export const service: Service = {
  name: "inference-buffer",
  description: "Telemetry into daily Parquet; predictions joined to truth; windows as artifacts",
  start,
};

async function start(context: ServiceContext): Promise<RunningService> {
  const { bus, clock, dirs, env, log, reportHealth } = context;
  const { zone, retentionDays, observationDays, flushMs, flushRows } = bufferSettings(env);
  const history = await History.open({ folder: join(dirs.data, "history"), zone, retentionDays });
  for (const problem of history.problems) log.error({ problem }, "damaged history file set aside");
  reportHealth("history", history.problems.length === 0 ? null : history.problems.join("; "));
  const quarantine = new Quarantine(join(dirs.data, "quarantine"));
  const specs = await openSpecs(context);
  const { created } = await bus.streamState("TELEMETRY");
  await quarantine.open(created, history.lastSequence(created));

  const outbox = new Outbox(bus, log);
  const sink = new Sink({ history, quarantine, log, reportHealth, flushMs, flushRows });
  const ingest = new Ingest({ bus, clock, history, sink, outbox, log, specs: () => specs.all() });
  ingest.counters.scores = await scoresIn(history);
  await ingest.start();

  const windows = new Windows({
    history,
    ingest,
    artifacts: bus.artifacts,
    folder: join(dirs.data, "windows"),
  });
  const stats = (): BufferStats => ({
    rows: history.rows + sink.rows,
    files: history.files.length,
    last_sequence: ingest.lastSequence,
    pending_predictions: ingest.ledger.pending,
    scored: ingest.counters.scores,
    quarantined: quarantine.count,
  });
  const serving = await bus.serve({
    name: service.name,
    description: service.description,
    version: "1.0.0",
    endpoints: {
      "inference-buffer.window": (payload) => windows.answer(payload),
      "inference-buffer.stats": async () => stats(),
    },
    stats: () => ({
      ...stats(),
      missing_truth: ingest.ledger.missing,
      duplicates: ingest.counters.duplicates,
    }),
  });
  const consumption = await bus.consume({
    stream: "TELEMETRY",
    durable: "inference-buffer",
    filter: "telemetry.>",
    batch: 256,
    concurrency: 32,
    lingerMs: 5,
    ackAll: true,
    handler: (messages) => ingest.take(messages),
  });

  // Days are days of arrival, which the server stamps: real time, whatever the clock of the world says.
  const upkeep = repeated(UPKEEP_EVERY_MS, "upkeep", context, () =>
    history.upkeep(Date.now(), observationDays ?? daysNeeded(specs.all())),
  );
  // Finds a stream that was created anew and a delivery that got stuck.
  const patrol = repeated(PATROL_EVERY_MS, "patrol", context, () => ingest.readOn());
  const respecify = afterQuiet(SPEC_QUIET_MS, "specs", context, () => ingest.respecify());
  const stopListening = specs.onChange(respecify.ask);
  // What was delivered to the lost connection would come again only after its ack wait.
  const readOn = afterQuiet(0, "reconnect", context, () => ingest.readOn());
  const stopReconnect = bus.onReconnect(readOn.ask);

  return {
    async stop() {
      stopListening();
      stopReconnect();
      for (const each of [upkeep, patrol, respecify, readOn]) each.stop();
      await serving.stop();
      const consumed = consumption.stop();
      await sink.stop();
      await consumed;
      await outbox.stop();
      specs.stop();
      await history.close();
    },
  };
}

async function scoresIn(history: History): Promise<number> {
  const sql = (relation: string) => `SELECT count(*)::INTEGER AS n FROM ${relation} WHERE kind = 'score'`;
  return history.read(
    async (relation, connection) => (await rows(connection, sql(relation)))[0]!.n as number,
  );
}

if (import.meta.main) await runService(service);

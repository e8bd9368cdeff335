/** Keeps all telemetry as daily Parquet files, joins predictions to the truth, hands out windows. See README.md. */
import { join } from "node:path";
import type { BufferStats } from "../../shared/contracts/inference-buffer.ts";
import { rows } from "../../shared/history/duckdb.ts";
import { History } from "../../shared/history/history.ts";
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import { bufferSettings } from "./config.ts";
import { ContractFiles } from "./intake/contracts.ts";
import { answerLedger } from "./ledger/ledger.ts";
import { Outbox } from "./ledger/outbox.ts";
import { hasRoom } from "./ledger/room.ts";
import { Incidents } from "./quality/incidents.ts";
import { QualityWatch } from "./quality/watch.ts";
import { Quarantine } from "./storage/quarantine.ts";
import { daysNeeded } from "./storage/retention.ts";
import { Sink } from "./storage/sink.ts";
import { Alarms } from "./stream/alarms.ts";
import { Ingest } from "./stream/ingest.ts";
import { afterQuiet, repeated } from "./timers.ts";
import { Windows } from "./windows/windows.ts";

const UPKEEP_EVERY_MS = 2_000;
const PATROL_EVERY_MS = 30_000;
const CONTRACTS_EVERY_MS = 2_000;
const QUALITY_EVERY_MS = 3_600_000;
const SPEC_QUIET_MS = 50;

export const service: Service = {
  name: "inference-buffer",
  description: "Telemetry into daily Parquet; predictions joined to truth; windows as artifacts",
  start,
};

async function start(context: ServiceContext): Promise<RunningService> {
  const { bus, clock, dirs, env, log, reportHealth } = context;
  const { zone, retentionDays, observationDays, archive, flushMs, flushRows } = bufferSettings(env);
  const history = await History.open({ folder: join(dirs.data, "history"), zone, retentionDays, archive });
  const alarms = new Alarms(context);
  const tellDamage = (problems: readonly string[]) => {
    if (problems.length > 0)
      alarms.raise({
        rule: "history-damaged",
        message: problems.join("; "),
        figures: { files: problems.length },
      });
  };
  tellDamage(history.problems);
  const quarantine = new Quarantine(join(dirs.data, "quarantine"));
  const specs = await openSpecs(context);
  const { created } = await bus.streamState("TELEMETRY");
  await quarantine.open(created, history.lastSequence(created));

  const outbox = new Outbox(bus, log);
  const sink = new Sink({ history, quarantine, log, reportHealth, flushMs, flushRows });
  const contracts = new ContractFiles(join(dirs.configs, "series"));
  const readContracts = async () => {
    const read = await contracts.refresh();
    if (read === undefined) return false;
    reportHealth("series contracts", read.problems.length === 0 ? null : read.problems.join("; "));
    for (const problem of read.problems) log.error({ problem }, "contract of a series cannot be read");
    return read.changed;
  };
  await readContracts();
  const incidents = new Incidents(bus, () => ingest.heedIncidents());
  const ingest = new Ingest({
    bus,
    clock,
    history,
    sink,
    outbox,
    alarms,
    specs: () => specs.all(),
    incidents: () => incidents.all(),
    contracts: () => contracts.all(),
  });
  ingest.counters.scores = await scoresIn(history);
  await incidents.start();
  await ingest.start();

  const windows = new Windows({
    history,
    ingest,
    bus,
    folder: join(dirs.data, "windows"),
    incidents: () => incidents.all(),
    contracts: () => contracts.all(),
  });
  const quality = new QualityWatch({
    context,
    history,
    ingest,
    quarantine,
    contracts: () => contracts.all(),
    specs: () => specs.all(),
    incidents: () => incidents.all(),
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
      "inference-buffer.quality": (payload) => quality.answer(payload),
      "inference-buffer.ledger": (payload) =>
        answerLedger(payload, { history, ingest, specs: () => specs.all(), nowMs: clock.now() }),
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
  const upkeep = repeated(UPKEEP_EVERY_MS, "upkeep", context, () => {
    const { pending } = ingest.ledger;
    const full = `${pending} predictions wait for their truth, as many as may: further ones get no score where their forecaster has its share`;
    reportHealth("ledger", hasRoom(ingest.ledger) ? null : full);
    return history.upkeep(Date.now(), observationDays ?? daysNeeded(specs.all()));
  });
  // Finds a stream that was created anew and a delivery that got stuck.
  const patrol = repeated(PATROL_EVERY_MS, "patrol", context, () => ingest.readOn());
  const scrub = repeated(PATROL_EVERY_MS, "scrub", context, async () => tellDamage(await history.scrub()));
  const respecify = afterQuiet(SPEC_QUIET_MS, "specs", context, () => ingest.respecify());
  const judge = afterQuiet(0, "data quality", context, () => quality.look());
  judge.ask();
  const stopJudging = clock.every(QUALITY_EVERY_MS, judge.ask);
  const contractWatch = repeated(CONTRACTS_EVERY_MS, "contracts", context, async () => {
    if (!(await readContracts())) return;
    respecify.ask();
    judge.ask();
  });
  const stopListening = specs.onChange(respecify.ask);
  // What was delivered to the lost connection would come again only after its ack wait.
  const readOn = afterQuiet(0, "reconnect", context, () => ingest.readOn());
  const stopReconnect = bus.onReconnect(readOn.ask);

  return {
    async stop() {
      stopListening();
      stopReconnect();
      stopJudging();
      for (const each of [upkeep, patrol, scrub, judge, contractWatch, respecify, readOn]) each.stop();
      await serving.stop();
      await incidents.stop();
      const consumed = consumption.stop();
      await sink.stop();
      await consumed;
      await outbox.stop();
      await alarms.stop();
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

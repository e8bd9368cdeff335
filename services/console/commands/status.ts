import type { Bus } from "../../../shared/bus/bus.ts";
import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import type { RunSummary } from "../../../shared/contracts/run.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { subjects } from "../../../shared/contracts/subjects.ts";
import { Health, Score } from "../../../shared/contracts/telemetry.ts";
import type { ArbiterStatus } from "../../../shared/contracts/trigger.ts";
import { readRuns } from "../decisions.ts";
import { EntityErrors } from "../projection/entity-errors.ts";
import type { FleetView } from "../projection/view.ts";
import { readJson } from "../read-json.ts";
import { askTiming } from "../timing.ts";
import { fleetText } from "../words/fleet-forecaster.ts";
import { moment, printable, shortRun } from "../words/format.ts";
import { configText, stepWords } from "../words/steps.ts";
import { table, wrap } from "../words/table.ts";
import { timingTexts } from "../words/timing.ts";
import { type BusCommand, printJson } from "./command.ts";

export interface ForecasterStatus {
  readonly forecaster: string;
  readonly enabled: boolean;
  readonly live: LiveConfig | null;
  readonly revision: number;
  readonly health: { readonly status: string; readonly at: string; readonly error: string | null } | null;
  readonly active_run: string | null;
  /** Of a forecaster of all entities. */
  readonly fleet: FleetView | null;
  /** What waits and what comes next; null where the trigger does not know the forecaster, or does not answer. */
  readonly timing: ArbiterStatus | null;
  readonly last: {
    readonly run_id: string;
    readonly state: string;
    readonly time: string;
    readonly text: string;
  } | null;
}

const WORST_ENTITIES = 5;
/** How far back in the stream scores of a fleet are looked at: messages of all kinds. */
const LOOK_BACK = 20_000;
/** For the trigger, which answers from memory. */
const TIMING_LIMIT_MS = 3_000;

/** `retune status`: every forecaster with its live config, its newest heartbeat, what happened last and what is next. */
export const status: BusCommand = async ({ bus, connection, terminal, flags }) => {
  const timing = await askTiming(bus, TIMING_LIMIT_MS);
  const rows = await readStatus(bus, timing ?? []);
  const dead = await deadLetters(bus);
  if (flags.json === true) {
    printJson(terminal, { server: connection.server, forecasters: rows, dead_letters: dead });
    return 0;
  }
  if (rows.length === 0) {
    terminal.out("no forecaster is known; describe one in configs/forecasters and run 'retune provision'");
    return 0;
  }
  const columns = ["FORECASTER", "LIVE", "HEALTH", "LAST"].map((title) => ({ title }));
  const cells = rows.map(({ forecaster, live, health, last, enabled }) => [
    printable(forecaster),
    live === null ? "-" : `v${live.version}`,
    enabled ? (health?.status ?? "unheard") : "disabled",
    last === null ? "no run yet" : `${shortRun(last.run_id)} ${moment(last.time).slice(0, 16)} ${last.text}`,
  ]);
  terminal.out(table(columns, cells, terminal.columns));
  const say = (text: string) => terminal.out(wrap(text, terminal.columns).join("\n"));
  for (const { forecaster, live } of rows) {
    if (live !== null) say(`${printable(forecaster)} v${live.version}: ${configText(live)}`);
  }
  for (const { forecaster, fleet } of rows)
    if (fleet !== null) say(`${printable(forecaster)}: ${fleetText(fleet)}`);
  for (const { forecaster, timing: own } of rows) {
    for (const text of own === null ? [] : timingTexts(own)) say(`${printable(forecaster)}: ${text}`);
  }
  if (timing === undefined) say("the trigger does not answer: what waits, and until when, is not known");
  if (dead > 0) terminal.out(`${dead} dead letters: 'retune replay' shows them`);
  return 0;
};

async function readStatus(bus: Bus, timing: readonly ArbiterStatus[]): Promise<ForecasterStatus[]> {
  const specs = await bus.kv("specs", ForecasterSpec).entries();
  const lives = new Map(
    (await bus.kv("live-configs", LiveConfig).entries("*")).map((entry) => [entry.key, entry]),
  );
  const runs = Map.groupBy(await readRuns(bus), (run) => run.forecaster);
  const rows = specs.map(async ({ key, value }): Promise<ForecasterStatus> => {
    const live = lives.get(key);
    const own = runs.get(key) ?? [];
    const health = await lastHealth(bus, key);
    return {
      forecaster: key,
      enabled: value.enabled,
      live: live?.value ?? null,
      revision: live?.revision ?? 0,
      health: health === null ? null : healthOf(health),
      fleet: value.entities === undefined ? null : await fleetOf(bus, key, health?.heartbeat),
      active_run: own.findLast((run) => !run.terminal)?.run_id ?? null,
      timing: timing.find(({ forecaster }) => forecaster === key) ?? null,
      last: lastOf(own),
    };
  });
  return (await Promise.all(rows)).sort((a, b) =>
    a.forecaster.localeCompare(b.forecaster, "en", { numeric: true }),
  );
}

function lastOf(runs: readonly RunSummary[]): ForecasterStatus["last"] {
  const newest = runs.toSorted((a, b) => a.steps.at(-1)!.sequence - b.steps.at(-1)!.sequence);
  // A refusal says little, and a trigger may be refused daily.
  const run = newest.findLast((each) => each.state !== "refused") ?? newest.at(-1);
  const step = run?.steps.at(-1);
  if (run === undefined || step === undefined) return null;
  return {
    run_id: run.run_id,
    state: run.state,
    time: step.time,
    text: stepWords(step.step, step.data).text,
  };
}

interface LastHealth {
  readonly heartbeat: Health;
  readonly at: string;
}

async function lastHealth(bus: Bus, forecaster: string): Promise<LastHealth | null> {
  const message = await bus.lastMessage("TELEMETRY", subjects.telemetry("health", forecaster));
  if (message === undefined) return null;
  const payload = readJson(message);
  const parsed = Health.safeParse(Array.isArray(payload) ? payload.at(-1) : payload);
  return parsed.success ? { heartbeat: parsed.data, at: message.time.toISOString() } : null;
}

function healthOf({ heartbeat: { status: word, error }, at }: LastHealth): ForecasterStatus["health"] {
  return { status: word, at, error: error === undefined ? null : printable(error) };
}

async function fleetOf(bus: Bus, forecaster: string, heartbeat: Health | undefined): Promise<FleetView> {
  const filter = subjects.telemetry("score", forecaster);
  const last = await bus.lastMessage("TELEMETRY", filter);
  const errors = new EntityErrors();
  if (last !== undefined)
    for await (const message of bus.read("TELEMETRY", {
      filter,
      fromSequence: Math.max(1, last.sequence - LOOK_BACK),
    })) {
      const payload = readJson(message);
      for (const record of Array.isArray(payload) ? payload : [payload]) {
        const { data } = Score.safeParse(record);
        if (data !== undefined) errors.add(data);
      }
    }
  const { entities = 0, known = 0 } = heartbeat?.fleet ?? {};
  return { entities, known, worst: errors.worst(WORST_ENTITIES) };
}

async function deadLetters(bus: Bus): Promise<number> {
  let found = 0;
  for await (const _ of bus.read("DECISIONS", { filter: "alert.raised.dead-letter.>" })) found += 1;
  return found;
}

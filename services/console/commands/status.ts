import type { Bus } from "../../../shared/bus/bus.ts";
import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import type { RunSummary } from "../../../shared/contracts/run.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { subjects } from "../../../shared/contracts/subjects.ts";
import { Health } from "../../../shared/contracts/telemetry.ts";
import { readRuns } from "../decisions.ts";
import { moment, printable, shortRun } from "../words/format.ts";
import { configText, stepWords } from "../words/steps.ts";
import { table, wrap } from "../words/table.ts";
import { type BusCommand, printJson } from "./command.ts";

export interface ForecasterStatus {
  readonly forecaster: string;
  readonly enabled: boolean;
  readonly live: LiveConfig | null;
  readonly revision: number;
  readonly health: { readonly status: string; readonly at: string; readonly error: string | null } | null;
  readonly active_run: string | null;
  readonly last: {
    readonly run_id: string;
    readonly state: string;
    readonly time: string;
    readonly text: string;
  } | null;
}

/** `retune status`: every forecaster with its live config, its newest heartbeat and what happened last. */
export const status: BusCommand = async ({ bus, connection, terminal, flags }) => {
  const rows = await readStatus(bus);
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
  for (const { forecaster, live } of rows) {
    if (live !== null)
      terminal.out(
        wrap(`${printable(forecaster)} v${live.version}: ${configText(live)}`, terminal.columns).join("\n"),
      );
  }
  if (dead > 0) terminal.out(`${dead} dead letters: 'retune replay' shows them`);
  return 0;
};

async function readStatus(bus: Bus): Promise<ForecasterStatus[]> {
  const specs = await bus.kv("specs", ForecasterSpec).entries();
  const lives = new Map(
    (await bus.kv("live-configs", LiveConfig).entries("*")).map((entry) => [entry.key, entry]),
  );
  const runs = Map.groupBy(await readRuns(bus), (run) => run.forecaster);
  const rows = specs.map(async ({ key, value }): Promise<ForecasterStatus> => {
    const live = lives.get(key);
    const own = runs.get(key) ?? [];
    return {
      forecaster: key,
      enabled: value.enabled,
      live: live?.value ?? null,
      revision: live?.revision ?? 0,
      health: await lastHealth(bus, key),
      active_run: own.findLast((run) => !run.terminal)?.run_id ?? null,
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

async function lastHealth(bus: Bus, forecaster: string): Promise<ForecasterStatus["health"]> {
  const message = await bus.lastMessage("TELEMETRY", subjects.telemetry("health", forecaster));
  if (message === undefined) return null;
  const payload = message.json();
  const parsed = Health.safeParse(Array.isArray(payload) ? payload.at(-1) : payload);
  if (!parsed.success) return null;
  const { status: word, error } = parsed.data;
  return {
    status: word,
    at: message.time.toISOString(),
    error: error === undefined ? null : printable(error),
  };
}

async function deadLetters(bus: Bus): Promise<number> {
  let found = 0;
  for await (const _ of bus.read("DECISIONS", { filter: "alert.raised.dead-letter.>" })) found += 1;
  return found;
}

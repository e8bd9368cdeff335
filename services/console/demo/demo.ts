import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../../shared/bus/bus.ts";
import { reclaimStore } from "../../../shared/bus/server/store-claim.ts";
import type { VirtualClock } from "../../../shared/clock.ts";
import { explain } from "../../../shared/errors.ts";
import type { Log } from "../../../shared/log.ts";
import type { Folders } from "../../../shared/service.ts";
import { FaultInjection } from "./fault.ts";
import { type Rate, readRates } from "./rates.ts";
import { RunWatch } from "./run-watch.ts";

const DAY_MS = 86_400_000;
/** The replay begins here; what lies before is history that the system knows from the start. */
const FIRST_DAY = "2021-10-01";
export const DEMO_START_MS = Date.parse(`${FIRST_DAY}T00:00:00Z`) - DAY_MS;

/** How fast the story is told. */
export interface Pace {
  /** Days of the replay that are told fast; then it goes on slowly until the data end. */
  readonly storyDays: number;
  /** The day of the story from which on a fault is injected. */
  readonly faultDay: number;
  readonly fastMs: number; // a day of the story takes at least
  readonly faultMs: number; // while the fault is on, days pass slowly enough to be watched
  readonly slowMs: number;
}

const PACE: Pace = { storyDays: 110, faultDay: 60, fastMs: 220, faultMs: 900, slowMs: 2_500 };
const HISTORY_BATCH = 250;
/** Longest a day waits for the runs that are searched, proved or deployed on it. */
const RUN_PATIENCE_MS = 60_000;

/**
 * Folders of the demo: fresh at each start, apart from the user's own data and configs.
 *
 * @throws {UnavailableError} when another demo is running on them
 */
export async function prepareDemo(base: Folders): Promise<Folders> {
  const data = join(base.data, "demo");
  const configs = join(data, "configs");
  await reclaimStore(join(data, "nats"));
  await rm(data, { recursive: true, force: true });
  await mkdir(configs, { recursive: true });
  await cp(join(import.meta.dirname, "forecasters"), join(configs, "forecasters"), { recursive: true });
  await cp(join(base.configs, "alerts.yaml"), join(configs, "alerts.yaml"));
  return { root: base.root, data, configs };
}

export interface Stage {
  readonly bus: Bus;
  readonly clock: VirtualClock;
  readonly dirs: Folders;
  readonly log: Log;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly pace?: Pace;
}

/**
 * Plays years of real exchange rates through the running system on a virtual clock: one day after the other,
 * each as fast as the system follows. A day waits for the runs that were begun on it, since in the world a run
 * takes minutes of its day. Nothing else is staged but one fault, which is announced as such.
 */
export async function playDemo(stage: Stage): Promise<void> {
  const { bus, clock, signal, say, pace = PACE } = stage;
  const rates = await readRates();
  const start = rates.findIndex(({ ts }) => ts >= FIRST_DAY);
  await publishHistory(bus, rates.slice(0, start));

  const runs = await RunWatch.open(bus);
  const fault = new FaultInjection(stage, "eurusd-15d");
  const replay = rates.slice(start);
  say(`The demo replays EUR/USD from ${FIRST_DAY} on. Source: ECB statistics.`);
  for (const [day, rate] of replay.entries()) {
    if (signal.aborted) break;
    const begun = performance.now();
    for (let at = clock.now() + DAY_MS; at <= Date.parse(rate.ts); at += DAY_MS) {
      await clock.advanceTo(at);
      await runs.settled(RUN_PATIENCE_MS, signal);
    }
    await bus.publishTelemetry("observation", "eurusd", [observation(rate)], `ecb:${rate.ts}`);
    if (day >= pace.faultDay)
      await fault.step(runs).catch((err: unknown) => stage.log.warn({ err }, explain(err)));
    announce(stage, (day + 1) / pace.storyDays, fault);
    const dayMs = fault.isOn() ? pace.faultMs : day < pace.storyDays ? pace.fastMs : pace.slowMs;
    await rest(dayMs - (performance.now() - begun), signal);
    await runs.settled(RUN_PATIENCE_MS, signal);
  }
  await keepTime(stage, runs, pace.slowMs);
  await runs.stop();
}

/** After the last rate the clock still carries every watch to its end, so that a manual run ends, too. */
async function keepTime({ clock, signal, bus }: Stage, runs: RunWatch, slowMs: number): Promise<void> {
  while (!signal.aborted) {
    await rest(slowMs, signal);
    if (!runs.watching()) continue;
    await clock.advanceTo(clock.now() + DAY_MS);
    bus.publishCore("demo.status", {
      virtual_time: new Date(clock.now()).toISOString(),
      progress: 1,
      sentence: null,
      next_command: null,
    });
  }
}

async function publishHistory(bus: Bus, history: readonly Rate[]): Promise<void> {
  for (let at = 0; at < history.length; at += HISTORY_BATCH) {
    const records = history.slice(at, at + HISTORY_BATCH).map(observation);
    await bus.publishTelemetry("observation", "eurusd", records, `ecb:history:${at}`);
  }
}

function observation({ ts, rate }: Rate) {
  return { ts, values: { rate } };
}

function announce({ bus, clock }: Stage, progress: number, fault: FaultInjection): void {
  bus.publishCore("demo.status", {
    virtual_time: new Date(clock.now()).toISOString(),
    progress: Math.min(1, progress),
    sentence: fault.sentence(),
    next_command: fault.nextCommand(),
  });
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {});
}

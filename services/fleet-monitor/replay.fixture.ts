import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ROOT } from "../../shared/service.ts";
import { seen } from "./decide.ts";
import { TestFleet } from "./fleet.fixture.ts";

/** What was observed at one time. */
export interface Tick {
  readonly timeMs: number;
  readonly values: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

const DATA = join(ROOT, "..", "shared", "data");
export const PLANETLAB = join(DATA, "fleet_planetlab_250vm_6days.csv.gz");
export const SERVICES = join(DATA, "fleet_services_12x7_days01_31.csv.gz");

/** Says in the test's name why it does not run. */
export const unlessThere = (path: string) => (existsSync(path) ? "" : ` (skipped: ${path} is not there)`);

/** A file of `ts,entity,metric,value`, by time; every `nth` time of each entity. */
export function readFleet(path: string, nth = 1): Tick[] {
  const ticks = new Map<number, Map<string, Record<string, number>>>();
  let lastText = "";
  let lastMs = 0;
  for (const line of gunzipSync(readFileSync(path)).toString().split("\n").slice(1)) {
    const [ts, entity, metric, value] = line.split(",");
    if (value === undefined) continue;
    if (ts !== lastText) [lastText, lastMs] = [ts!, Date.parse(ts!)];
    if ((lastMs / 300_000) % nth !== 0) continue;
    const at = ticks.get(lastMs) ?? new Map<string, Record<string, number>>();
    ticks.set(lastMs, at);
    const values = at.get(entity!) ?? {};
    at.set(entity!, values);
    values[metric!] = Number(value);
  }
  return [...ticks].sort(([a], [b]) => a - b).map(([timeMs, values]) => ({ timeMs, values }));
}

/** The same ticks as if one had come every `stepMs`, without gaps. */
export function evenly(ticks: readonly Tick[], startMs: number, stepMs: number): Tick[] {
  return ticks.map(({ values }, i) => ({ timeMs: startMs + i * stepMs, values }));
}

/** The feed stops for `lengthMs` before tick `index`: everything from there on comes so much later. */
export function paused(ticks: readonly Tick[], index: number, lengthMs: number): Tick[] {
  return ticks.map((tick, i) => (i < index ? tick : { ...tick, timeMs: tick.timeMs + lengthMs }));
}

/** The feed stops for `lengthMs` before tick `index`: what was to come meanwhile is lost. */
export function cut(ticks: readonly Tick[], index: number, lengthMs: number): Tick[] {
  const fromMs = ticks[index]!.timeMs;
  return ticks.filter(({ timeMs }) => timeMs < fromMs || timeMs >= fromMs + lengthMs);
}

/** Takes ticks in; `look` is called after each. */
export function replay(ticks: readonly Tick[], look: (test: TestFleet, index: number) => void): TestFleet {
  const test = new TestFleet();
  let sequence = 0;
  ticks.forEach(({ timeMs, values }, index) => {
    const ts = new Date(timeMs).toISOString();
    sequence += 1;
    for (const [entity, each] of values)
      seen(test.fleet, { ts, entity, values: each }, sequence, test.params);
    look(test, index);
  });
  return test;
}

/** The states of C-FLT-3 as its text has them, from the times an entity was seen at: nothing is shared with the service. */
export function statesByHand(ticks: readonly Tick[], upTo: number): Map<string, string> {
  const last = new Map<string, number>();
  for (const { timeMs, values } of ticks.slice(0, upTo + 1))
    for (const entity of values.keys()) last.set(entity, timeMs);
  const nowMs = ticks[upTo]!.timeMs;
  return new Map(
    [...last].map(([entity, lastMs]) => {
      const days = (nowMs - lastMs) / 86_400_000;
      return [
        entity,
        days >= 30 ? "sunset" : days >= 7 ? "sunset-candidate" : days >= 1 ? "offline" : "active",
      ];
    }),
  );
}

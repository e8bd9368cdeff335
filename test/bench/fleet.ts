/**
 * A great fleet: 1M observations of 100,000 entities taken in by the fleet-monitor's own intake, then looked at and
 * written out: `node test/bench/fleet.ts [observations] [entities]`.
 */
import { fleetSettings } from "../../services/fleet-monitor/config.ts";
import { takeIn } from "../../services/fleet-monitor/intake.ts";
import { toShards } from "../../services/fleet-monitor/shards.ts";
import { newFleet } from "../../services/fleet-monitor/state.ts";
import { statusOf } from "../../services/fleet-monitor/status.ts";
import { message } from "../../shared/bus/message.ts";
import type { BenchResult } from "./result.ts";

const START = Date.parse("2026-01-01T00:00:00Z");
const STEP_MS = 300_000;
const PER_MESSAGE = 100;
const MB = 2 ** 20;

function* messages(observations: number, entities: number) {
  const encoder = new TextEncoder();
  for (let first = 0; first < observations; first += PER_MESSAGE) {
    const records = Array.from({ length: PER_MESSAGE }, (_, i) => {
      const n = first + i;
      const ts = new Date(START + Math.floor(n / entities) * STEP_MS).toISOString();
      return { ts, entity: `server-${n % entities}`, values: { cpu: 40 + (n % 977) / 20, memory: n % 89 } };
    });
    yield message({
      subject: "telemetry.observation.racks",
      sequence: first / PER_MESSAGE + 1,
      data: encoder.encode(JSON.stringify(records)),
      time: new Date(START),
      deliveries: 1,
    });
  }
}

async function measure(observations: number, entities: number): Promise<BenchResult[]> {
  const params = fleetSettings({});
  const fleet = newFleet("racks", "", params);
  const intake = {
    params,
    now: () => START + 365 * 86_400_000,
    spec: () => undefined,
    fleet: () => fleet,
    excused: () => [],
  };
  let parsing = 0;
  let folding = 0;
  for (const each of messages(observations, entities)) {
    const begun = performance.now();
    each.json();
    const parsed = performance.now();
    takeIn(each, intake);
    folding += performance.now() - parsed;
    parsing += parsed - begun;
  }
  const looked = performance.now();
  const status = statusOf(fleet, params);
  const statusMs = performance.now() - looked;
  if (status.seen !== entities) throw new Error(`expected ${entities} entities, found ${status.seen}`);
  let bytes = 0;
  let largest = 0;
  const begun = performance.now();
  for (const [, shard] of toShards(fleet, new Set(fleet.roster.shardBytes.keys()))) {
    const length = Buffer.byteLength(JSON.stringify(shard));
    bytes += length;
    largest = Math.max(largest, length);
  }
  const writeMs = performance.now() - begun;
  const name = `fleet of ${entities.toLocaleString("en")}`;
  return [
    { name: `${name}: observations taken in`, value: (1_000 * observations) / folding, unit: "records/s" },
    { name: `${name}: taking in / parsing the JSON alone`, value: folding / parsing, unit: "ratio" },
    { name: `${name}: one look at all for a status`, value: statusMs, unit: "ms" },
    { name: `${name}: writing all of it out`, value: writeMs, unit: "ms" },
    { name: `${name}: state in the bucket`, value: bytes / MB, unit: "MB" },
    { name: `${name}: largest value (limit 1 MB)`, value: largest / MB, unit: "MB" },
    { name: `${name}: RSS`, value: process.memoryUsage.rss() / MB, unit: "MB" },
  ];
}

export function run(): Promise<BenchResult[]> {
  return measure(1_000_000, 100_000);
}

if (import.meta.main) {
  const [observations = 1_000_000, entities = 100_000] = process.argv.slice(2).map(Number);
  for (const { name, value, unit } of await measure(observations, entities))
    console.log(`${value.toPrecision(3).padStart(10)} ${unit}  ${name}`);
}

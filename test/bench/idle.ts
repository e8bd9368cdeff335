/** What the whole one-process system takes while nothing happens. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../shared/bus/bus.ts";
import { connectBus } from "../../shared/bus/connect.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { ROOT } from "../../shared/service.ts";
import { recordedLog } from "../support/context.ts";
import { treeUsage } from "../support/process-tree.ts";
import type { BenchResult } from "./result.ts";

const FORECASTERS = ["usdclp-7d", "usdclp-15d", "usdclp-30d", "usdclp-90d"];
const DAYS = 730;
const DAY_MS = 86_400_000;
/** Processes of a search end a minute after it; V8 and nats-server give memory back minutes later. */
const SETTLE_MS = 300_000;
const MEASURE_MS = 20_000;
const RUNS_LIMIT_MS = 300_000;

/**
 * `npm start -- --no-demo` with the four shipped forecasters and a nats-server of its own, in memory (resident set of
 * the process and its children) and share of one core: just started, and with forecasters that have history,
 * have been tuned and serve. Linux alone: elsewhere it measures nothing.
 */
export async function run(): Promise<BenchResult[]> {
  if (process.platform !== "linux") return [];
  const folder = await mkdtemp(join(tmpdir(), "retune-idle-"));
  await cp(join(ROOT, "configs"), join(folder, "configs"), { recursive: true });
  const up = await startUp(folder);
  try {
    await sleep(MEASURE_MS);
    const fresh = await measure(up.child.pid!, "just started");
    const connection = await connectBus(
      { servers: up.server },
      {
        source: "retune/bench/idle",
        artifactFolder: join(folder, "bench-artifacts"),
        codeVersion: "bench",
        log: recordedLog(),
        now: () => Date.now(),
      },
    );
    const live = await tune(connection.bus);
    await connection.drain();
    await sleep(SETTLE_MS);
    return [...fresh, ...(await measure(up.child.pid!, `${live} of 4 forecasters live`))];
  } finally {
    const ended = once(up.child, "exit");
    up.child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

async function startUp(folder: string): Promise<{ child: ChildProcess; server: string }> {
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    RETUNE_DATA: join(folder, "data"),
    RETUNE_CONFIGS: join(folder, "configs"),
    RETUNE_PORT: "0",
    LOG_LEVEL: "warn",
  };
  const child = spawn(process.execPath, [join(ROOT, "services/console/main.ts"), "up", "--no-demo"], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const server = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const found = /\(NATS (\S+)\)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the system ended with code ${code}: ${said}`)));
  });
  return { child, server };
}

/** Gives the forecasters two years of a rate, asks for a run of each and waits for their ends. @returns how many serve */
async function tune(bus: Bus): Promise<number> {
  await bus.publishTelemetry("observation", "usdclp", rates(Date.now()), newUuidV7());
  const ended = new Set<string>();
  const following = await bus.follow("DECISIONS", { filter: "retrain.>" }, async ({ subject }) => {
    const [, step = "", forecaster = ""] = subject.split(".");
    if (["verified", "rolled-back", "rejected", "failed", "deployed"].includes(step)) ended.add(forecaster);
  });
  await sleep(5_000); // the inference buffer writes the history down
  for (const forecaster of FORECASTERS)
    await bus.store("retrain.request", JSON.stringify({ forecaster }), newUuidV7());
  for (let waited = 0; ended.size < FORECASTERS.length && waited < RUNS_LIMIT_MS; waited += 500)
    await sleep(500);
  await following.stop();
  const configs = bus.kv("live-configs", LiveConfig);
  const live = await Promise.all(FORECASTERS.map((id) => configs.get(id)));
  return live.filter((entry) => entry !== undefined).length;
}

/** A rate that wanders about 900, one value a weekday up to now: the same each time. */
function rates(nowMs: number): object[] {
  let state = 7;
  let rate = 900;
  const days = Array.from({ length: DAYS }, (_, i) => new Date(nowMs - (DAYS - 1 - i) * DAY_MS));
  return days
    .filter((day) => day.getUTCDay() % 6 !== 0)
    .map((day) => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      rate += 8 * (state / 2 ** 31 - 0.5) + 0.01 * (900 - rate);
      return { ts: `${day.toISOString().slice(0, 10)}T00:00:00.000Z`, values: { rate } };
    });
}

async function measure(pid: number, state: string): Promise<BenchResult[]> {
  const before = await treeUsage(pid);
  await sleep(MEASURE_MS);
  const after = await treeUsage(pid);
  const share = (after.cpuSeconds - before.cpuSeconds) / (MEASURE_MS / 1000);
  return [
    { name: `memory idle, ${state}`, value: after.memoryMb, unit: "MB", target: "<= 400" },
    { name: `share of a core idle, ${state}`, value: 100 * share, unit: "%", target: "<= 2" },
  ];
}

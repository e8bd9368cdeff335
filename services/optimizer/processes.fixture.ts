import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { ROOT } from "../../shared/service.ts";
import { TEST_TIME_MS, type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { dailyRows, serveWindows } from "./search.fixture.ts";

/** How optimizers run here: what a dead one held is soon another's. */
export const env = { RETUNE_OPTIMIZER_ACK_WAIT_MS: "1000", RETUNE_OPTIMIZER_WORKERS: "1" };

export let nats: TestNats;
/** Whoever asks for searches and looks at what comes. */
export let people: TestContext;
/** Of what a process says, characters that are kept. */
const MOST_SAID = 10_000;
const children = new Set<ChildProcess>();

/**
 * For the top of a test file: a real server and an inference buffer with 200 days of every series, or these;
 * processes that are left are killed at the end.
 */
export function useProcesses(
  rowsOf: Parameters<typeof serveWindows>[1] = () => dailyRows(200, TEST_TIME_MS),
): void {
  beforeAll(async () => {
    nats = await startTestNats();
    people = await testContext(nats, { name: "people" });
    await serveWindows(people, rowsOf);
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await people[Symbol.asyncDispose]();
    await nats.stop();
  });
}

/** An optimizer in a process of its own, as in production. Resolves when it says that it has started. */
export async function startProcess(): Promise<ChildProcess> {
  const data = join(people.dirs.data, "child");
  const child = spawn(process.execPath, [join(ROOT, "services/optimizer/main.ts")], {
    env: { PATH: process.env.PATH, NATS_URL: nats.url, RETUNE_DATA: data, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.add(child);
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on("data", (chunk) => {
      said = (said + String(chunk)).slice(-MOST_SAID);
      if (said.includes('"msg":"started"')) resolve();
    });
    child.once("exit", () => reject(new Error(`the optimizer did not start: ${said}`)));
  });
  return child;
}

/** Kills it at once and waits for its end. */
export async function kill(child: ChildProcess): Promise<void> {
  children.delete(child);
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

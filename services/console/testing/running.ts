import { type TestContext, testContext } from "../../../test/support/context.ts";
import type { Snapshot } from "../projection/view.ts";
import { startConsole } from "../service.ts";

export interface RunningConsole extends AsyncDisposable {
  readonly context: TestContext;
  readonly address: string;
  get(path: string): Promise<Response>;
  json<T = Snapshot>(path: string): Promise<T>;
}

/** A console on a port of its own, over a server that may hold something already. */
export async function runConsole(nats: { url: string }): Promise<RunningConsole> {
  const context = await testContext(nats, { name: "console", env: { RETUNE_PORT: "0" } });
  const running = await startConsole(context);
  const get = (path: string) => fetch(new URL(path, running.address), { headers: { connection: "close" } });
  return {
    context,
    address: running.address,
    get,
    json: async <T>(path: string) => (await (await get(path)).json()) as T,
    async [Symbol.asyncDispose]() {
      await running.stop();
      await context[Symbol.asyncDispose]();
    },
  };
}

/** Asks until `check` accepts the answer; the test's own time limit ends it otherwise. */
export async function until<T>(ask: () => Promise<T>, check: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask();
    if (check(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

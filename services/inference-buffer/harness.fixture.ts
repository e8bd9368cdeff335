import { afterAll, beforeAll, beforeEach } from "vitest";
import type { RunningService } from "../../shared/service.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { service } from "./main.ts";

let nats: TestNats;
let running: RunningService | undefined;
/** Of the test that is running, with folders of its own. */
export let context: TestContext;

/** For the top of a test file: one real server for the file, a fresh context for each test; a buffer left on is stopped. */
export function useBuffer(): void {
  beforeAll(async () => {
    nats = await startTestNats();
  });
  afterAll(() => nats.stop());
  beforeEach(async () => {
    context = await testContext(nats, { env: { RETUNE_BUFFER_FLUSH_MS: "50" } });
    return async () => {
      await stopBuffer();
      await context[Symbol.asyncDispose]();
    };
  });
}

export async function startBuffer(env: NodeJS.ProcessEnv = {}): Promise<void> {
  running = await service.start({ ...context, env: { ...context.env, ...env } });
}

export async function stopBuffer(): Promise<void> {
  await running?.stop();
  running = undefined;
}

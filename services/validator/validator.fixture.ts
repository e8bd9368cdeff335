import { afterAll, beforeAll } from "vitest";
import type { RunningService } from "../../shared/service.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { service } from "./main.ts";

export const env = { RETUNE_VALIDATOR_ATTEMPTS: "2", RETUNE_VALIDATOR_ROUNDS: "3" };

/** Whoever finds candidates and looks at what comes. */
export let people: TestContext;
export let validator: TestContext;
/** What `store` has stored. */
export let dataset: string;

/** For the top of a test file: a real server, a dataset in its store, and a validator that is on. */
export function useValidator(store: (people: TestContext) => Promise<string>): void {
  let nats: TestNats;
  let running: RunningService;
  beforeAll(async () => {
    nats = await startTestNats();
    people = await testContext(nats, { name: "people" });
    validator = await testContext(nats, { name: "validator", env });
    dataset = await store(people);
    running = await service.start(validator);
  });
  afterAll(async () => {
    await running.stop();
    await validator[Symbol.asyncDispose]();
    await people[Symbol.asyncDispose]();
    await nats.stop();
  });
}

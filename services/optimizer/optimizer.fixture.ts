import { afterAll, beforeAll } from "vitest";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { parseStepSubject } from "../../shared/contracts/subjects.ts";
import type { RunningService } from "../../shared/service.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { service } from "./main.ts";
import { accept, applySpec, type Row, searchOutcome, serveWindows } from "./search.fixture.ts";

export const env = { RETUNE_OPTIMIZER_DATA_ATTEMPTS: "2", RETUNE_OPTIMIZER_ATTEMPTS: "2" };

export let nats: TestNats;
/** Whoever asks for searches and looks at what comes. */
export let people: TestContext;
export let optimizer: TestContext;
let running: RunningService | undefined;

/**
 * For the top of a test file: a real server, an optimizer that is on, and an inference buffer with these series; another
 * metric than `value` is called `<series>.<metric>`.
 */
export function useOptimizer(series: Readonly<Record<string, readonly Row[]>>): void {
  beforeAll(async () => {
    nats = await startTestNats();
    people = await testContext(nats, { name: "people" });
    optimizer = await testContext(nats, { name: "optimizer", env });
    await serveWindows(
      people,
      (name, metric) => series[metric === "value" ? name : `${name}.${metric}`] ?? [],
    );
    await startOptimizer();
  });
  afterAll(async () => {
    await stopOptimizer();
    await optimizer[Symbol.asyncDispose]();
    await people[Symbol.asyncDispose]();
    await nats.stop();
  });
}

export async function startOptimizer(): Promise<void> {
  running = await service.start(optimizer);
}

export async function stopOptimizer(): Promise<void> {
  await running?.stop();
  running = undefined;
}

/** Runs the search of a spec from `accepted` to its outcome. */
export async function search(spec: ForecasterSpec) {
  await applySpec(people, spec);
  const { run, sequence } = await accept(people, spec.forecaster);
  return { run, accepted: sequence, ...(await searchOutcome(people, spec.forecaster, run)) };
}

export async function stepsOf(run: string): Promise<string[]> {
  const steps: string[] = [];
  for await (const { subject } of people.bus.read("DECISIONS", { filter: `retrain.*.*.${run}` })) {
    steps.push(parseStepSubject(subject)?.step ?? subject);
  }
  return steps;
}

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { z } from "zod";
import { VirtualClock } from "../../shared/clock.ts";
import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { parseStepSubject, type Step, subjects } from "../../shared/contracts/subjects.ts";
import type { Accepted, Evaluated } from "../../shared/contracts/trigger.ts";
import { newEvent } from "../../shared/events.ts";
import type { RunningService } from "../../shared/service.ts";
import { TEST_TIME_MS, type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { isHandled } from "./handled.ts";
import { service } from "./main.ts";
import { ArbiterState } from "./state.ts";

const DAY_MS = 86_400_000;

export let nats: TestNats;
/** Of the test that is running, as `forecaster` is. */
export let context: TestContext;
export let forecaster: string;
/** Trigger services that are on; those left are stopped after the test. */
export const running: RunningService[] = [];

/** For the top of a test file: one real server for the file, a context and a forecaster's name for each test. */
export function useTrigger(): void {
  beforeAll(async () => {
    nats = await startTestNats();
  }, 60_000);
  afterAll(() => nats.stop());
  beforeEach(async () => {
    forecaster = `f-${randomUUID().slice(0, 8)}`;
    const fresh = await testContext(nats, { name: "trigger", clock: new VirtualClock(TEST_TIME_MS) });
    context = fresh;
    return async () => {
      for (const each of running.splice(0)) await each.stop();
      const specs = fresh.bus.kv("specs", z.unknown());
      for (const key of await specs.keys()) await specs.delete(key);
      await fresh[Symbol.asyncDispose]();
    };
  });
}

export function setEnv(env: NodeJS.ProcessEnv): void {
  context = { ...context, env };
}

export async function applySpec(
  parts: Partial<z.input<typeof ForecasterSpec>> = {},
): Promise<ForecasterSpec> {
  const spec = ForecasterSpec.parse({ forecaster, series: `s-${forecaster}`, horizon: "7d", ...parts });
  await context.bus.kv("specs", ForecasterSpec).put(spec.forecaster, spec);
  return spec;
}

export async function startTrigger(): Promise<void> {
  running.push(await service.start(context));
}

/** Somebody asks anew, which is no copy of what was asked before. */
export function requestAnew(): Promise<number> {
  return request(JSON.stringify({ forecaster, request_id: randomUUID() }));
}

export function request(payload: string): Promise<number> {
  return context.bus.store("retrain.request", payload, randomUUID());
}

/** A run of this forecaster that was accepted and never went on. */
export async function hang(): Promise<string> {
  await startTrigger();
  await request(forecaster);
  const [accepted] = await until(async () => nonEmpty(await steps<Accepted>("accepted")));
  await until(async () => ((await arbiter())?.active?.step_sequence ?? 0) > 0);
  for (const each of running.splice(0)) await each.stop();
  return accepted!.run_id;
}

export async function observe(from: number, to: number): Promise<void> {
  const records = days(from, to).map((day) => ({ ts: dayAt(day), values: { value: 100 + day } }));
  await context.bus.publishTelemetry("observation", `s-${forecaster}`, records, randomUUID());
}

export async function score(from: number, to: number, error: (day: number) => number): Promise<void> {
  const records = days(from, to).flatMap((day) =>
    [1, 2].map((step) => ({
      issued_at: dayAt(day - step),
      target_ts: dayAt(day),
      step,
      error: day % 2 === 0 ? error(day) : -error(day),
      abs_pct_error: 1,
      in_interval: true,
      model_version: "v1",
    })),
  );
  await context.bus.publishTelemetry("score", forecaster, records, randomUUID());
}

export async function publishStep(step: Step, run: string, timeMs = context.clock.now()): Promise<void> {
  const data = { run_id: run, forecaster, caused_by: [], evidence: { code_version: "test" } };
  const event = newEvent({
    source: "test",
    type: `dev.retune.retrain.${step}`,
    subject: forecaster,
    timeMs,
    data,
  });
  await context.bus.publishOnce(subjects.step(step, forecaster, run), event);
}

export async function steps<D>(step: Step, of = forecaster): Promise<D[]> {
  const found: D[] = [];
  for await (const message of context.bus.read("DECISIONS", { filter: `retrain.${step}.${of}.*` })) {
    expect(parseStepSubject(message.subject)?.run).toBe(
      (message.json() as CloudEvent<{ run_id: string }>).data.run_id,
    );
    found.push((message.json() as CloudEvent<D>).data);
  }
  return found;
}

export async function evaluations(): Promise<Evaluated[]> {
  const found: Evaluated[] = [];
  for await (const message of context.bus.read("DECISIONS", { filter: subjects.evaluated(forecaster) }))
    found.push((message.json() as CloudEvent<Evaluated>).data);
  return found;
}

export async function messageAt(sequence: number): Promise<string | undefined> {
  for await (const message of context.bus.read("DECISIONS", { fromSequence: sequence }))
    return message.subject;
  return undefined;
}

export async function arbiter(): Promise<ArbiterState | undefined> {
  return (await context.bus.kv("states", ArbiterState).get(`arbiter.${forecaster}`))?.value;
}

/** Resolves when every request that was sent has been answered: the last one is in the arbiter's handled set. */
export async function idle(): Promise<void> {
  const last = await context.bus.lastMessage("DECISIONS", "retrain.request");
  await until(async () => {
    const state = await arbiter();
    return state !== undefined && isHandled(state.requests, last!.sequence);
  });
  await until(async () => (await arbiter())?.outbox.length === 0 || undefined);
}

export async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 500; tries += 1) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await sleep(20);
  }
  throw new Error("it did not happen within 10 s");
}

export function nonEmpty<T>(list: T[]): T[] | undefined {
  return list.length > 0 ? list : undefined;
}

function days(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

export function dayAt(day: number): string {
  return new Date(TEST_TIME_MS - 60 * DAY_MS + day * DAY_MS).toISOString();
}

import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Bus } from "../../shared/bus/bus.ts";
import type { Accepted, Refused } from "../../shared/contracts/trigger.ts";
import { UnavailableError } from "../../shared/errors.ts";
import { testContext } from "../../test/support/context.ts";
import { lastHandled } from "./handled.ts";
import { service } from "./main.ts";
import { ArbiterState } from "./state.ts";
import {
  applySpec,
  context,
  forecaster,
  nats,
  running,
  steps,
  until,
  useTrigger,
} from "./trigger.fixture.ts";

useTrigger();

const REQUESTS = 5_000;
const FORECASTERS = 8;

describe("two trigger processes on one durable consumer", { timeout: 60_000 }, () => {
  it("keep the state of a forecaster small: the floor follows the server's ack floor", async () => {
    const ids = [`${forecaster}-a`, `${forecaster}-b`];
    for (const id of ids) await applySpec({ forecaster: id, series: "s" });
    running.push(await service.start(context));
    const bucket = context.bus.kv("states", ArbiterState);
    const rounds = 4;
    for (let round = 0; round < rounds; round += 1) {
      const batch = Array.from({ length: 500 }, (_, i) =>
        context.bus.store("retrain.request", ids[i % 2]!, randomUUID()),
      );
      const last = Math.max(...(await Promise.all(batch)));
      await until(async () => {
        const states = await Promise.all(ids.map((id) => bucket.get(`arbiter.${id}`)));
        const newest = states.map((state) => (state === undefined ? 0 : lastHandled(state.value.requests)));
        return Math.max(...newest) >= last;
      });
    }
    const { requests } = (await bucket.get(`arbiter.${ids[0]}`))!.value;
    expect(requests.floor).toBeGreaterThan(0);
    expect(requests.ranges.length).toBeLessThan((rounds * 500) / 2);
  });

  it("answer each of 5,000 requests over many forecasters once, failures and redeliveries included", async () => {
    const ids = Array.from({ length: FORECASTERS }, (_, i) => `${forecaster}-${i}`);
    for (const id of ids) await applySpec({ forecaster: id, series: "s" });
    for (let from = 0; from < REQUESTS; from += 500) {
      const some = Array.from({ length: 500 }, (_, i) => ids[(from + i) % FORECASTERS]!);
      await Promise.all(some.map((id) => context.bus.store("retrain.request", id, randomUUID())));
    }
    const failures = new Set<number>();
    const first = (await context.bus.streamState("DECISIONS")).lastSequence - REQUESTS;
    const when = (sequence: number) => {
      const at = sequence - first;
      return at <= 10 ? "before" : at > 2_500 && at <= 2_510 ? "after" : undefined;
    };
    const other = await testContext(nats, { name: "trigger" });
    for (const each of [context, other])
      running.push(
        await service.start({
          ...each,
          bus: failingBus(each.bus, failures, when),
        }),
      );

    const answered = async (id: string) => {
      const verdicts = [...(await steps<Accepted>("accepted", id)), ...(await steps<Refused>("refused", id))];
      return verdicts.reduce((sum, { coalesced }) => sum + coalesced + 1, 0);
    };
    const share = REQUESTS / FORECASTERS;
    const counts = () => Promise.all(ids.map(answered));
    await until(async () => (await counts()).every((count) => count >= share));
    await Promise.all(running.splice(0).map((each) => each.stop()));
    expect(await counts()).toEqual(ids.map(() => share));
    for (const id of ids) expect(await steps("accepted", id)).toHaveLength(1);
    expect(failures.size).toBeGreaterThanOrEqual(10);
    await other[Symbol.asyncDispose]();
  });
});

describe("requests for ids that nobody knows", () => {
  it("are refused once each and leave no state, however often they are delivered", async () => {
    const failures = new Set<number>();
    const bus = failingBus(context.bus, failures, (sequence) =>
      sequence % 10 === 0 ? "before" : sequence % 10 === 1 ? "after" : undefined,
    );
    running.push(await service.start({ ...context, bus }));
    const unknown = Array.from({ length: 40 }, (_, i) => `${forecaster}-none-${i}`);
    for (const id of [...unknown, ...unknown]) await context.bus.store("retrain.request", id, randomUUID());
    const refusals = () => Promise.all(unknown.map((id) => steps<Refused>("refused", id)));
    await until(async () => (await refusals()).every((each) => each.length === 2));
    // What follows the steps has seen the refusals, too, once their runs are folded.
    const runs = context.bus.kv("runs", z.unknown());
    for (const { run_id } of (await refusals()).flat())
      await until(async () => (await runs.get(run_id)) !== undefined);
    const states = await context.bus.kv("states", z.unknown()).keys("arbiter.*");
    expect(states.filter((key) => key.includes("-none-"))).toEqual([]);
    expect(failures.size).toBeGreaterThan(5);
    const known = unknown[0]!;
    for (const refused of await steps<Refused>("refused", known))
      expect(refused).toMatchObject({ reason: "unknown-forecaster", coalesced: 0 });

    // Applied later, it is answered from then on.
    await applySpec({ forecaster: known, series: "s" });
    await until(async () => {
      await context.bus.store("retrain.request", known, randomUUID());
      return (await steps("accepted", known)).length === 1;
    });
    const state = await context.bus.kv("states", ArbiterState).get(`arbiter.${known}`);
    expect(state?.value.active).not.toBeNull();
  });
});

/**
 * A bus on which handling requests fails at times, as a lost connection makes it: the first two deliveries of a batch
 * with a bad message fail before anything is done, or after everything is.
 */
function failingBus(
  bus: Bus,
  failures: Set<number>,
  when: (sequence: number) => "before" | "after" | undefined,
): Bus {
  const consume: Bus["consume"] = (options) => {
    if (options.durable !== "trigger-requests") return bus.consume(options);
    return bus.consume({
      ...options,
      async handler(messages) {
        const early = messages.filter(({ deliveries }) => deliveries <= 2);
        const fail = (stage: "before" | "after") => {
          const bad = early.filter(({ sequence }) => when(sequence) === stage);
          for (const { sequence } of bad) failures.add(sequence);
          if (bad.length > 0) throw new UnavailableError(`failed ${stage} it was handled`);
        };
        fail("before");
        await options.handler(messages);
        fail("after");
      },
    });
  };
  return Object.create(bus, { consume: { value: consume } }) as Bus;
}

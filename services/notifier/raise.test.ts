import { expect, it, vi } from "vitest";
import { VirtualClock } from "../../shared/clock.ts";
import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { newEvent } from "../../shared/events.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { testContext } from "../../test/support/context.ts";
import { startTestNats } from "../../test/support/nats.ts";
import { AlertRaiser } from "./raise.ts";
import { initialState, NotifierState, stateKey } from "./state.ts";

vi.setConfig({ testTimeout: 30_000 });

it("a process that dies after raising and before remembering raises the same alert again", async () => {
  await using nats = await startTestNats();
  await using context = await testContext(nats, { name: "notifier" });
  const { bus } = context;
  const states = bus.kv("states", NotifierState);
  const rules = [
    {
      rule: "told",
      when: { kind: "step" as const, step: "deployed" as const },
      severity: "info" as const,
      channels: ["log" as const],
    },
  ];
  const run_id = newUuidV7();
  const data = { run_id, forecaster: "f", caused_by: [], evidence: { code_version: "test" } };
  const subject = subjects.step("deployed", "f", run_id);
  await bus.publishOnce(subject, newEvent({ source: "test", type: "t", subject: "f", timeMs: 0, data }));
  const message = (await bus.lastMessage("DECISIONS", subject))!;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await new AlertRaiser(context, rules, states).step(message);
    await states.delete(stateKey("f"));
  }
  const raised = [];
  for await (const each of bus.read("DECISIONS", { filter: "alert.raised.>" })) raised.push(each.subject);
  expect(raised).toEqual(["alert.raised.told.f"]);
});

it("steps of one forecaster that are folded at once are all folded, without an error", async () => {
  await using nats = await startTestNats();
  await using context = await testContext(nats, { name: "notifier" });
  const { bus } = context;
  const states = bus.kv("states", NotifierState);
  const rules = [
    {
      rule: "hopeless",
      when: { kind: "consecutive-rejections" as const, count: 6 },
      severity: "medium" as const,
      channels: ["log" as const],
    },
  ];
  const messages = [];
  for (let i = 0; i < 6; i += 1) {
    const run_id = newUuidV7();
    const data = { run_id, forecaster: "f", caused_by: [], evidence: { code_version: "test" } };
    const subject = subjects.step("rejected", "f", run_id);
    await bus.publishOnce(subject, newEvent({ source: "test", type: "t", subject: "f", timeMs: i, data }));
    messages.push((await bus.lastMessage("DECISIONS", subject))!);
  }
  const raisers = [new AlertRaiser(context, rules, states), new AlertRaiser(context, rules, states)];
  await Promise.all(messages.map((message, i) => raisers[i % 2]!.step(message)));
  const state = (await states.get(stateKey("f")))!.value;
  expect(state.rejections).toBe(6);
  expect(state.seen).toEqual(messages.map(({ sequence }) => sequence));
  expect(raisers[0]!.counts.raised + raisers[1]!.counts.raised).toBe(1);
});

it("staleness that is noticed at different times is raised under one id, with the time it was noticed", async () => {
  const day = 86_400_000;
  const clock = new VirtualClock(0);
  await using nats = await startTestNats();
  await using context = await testContext(nats, { name: "notifier", clock });
  const states = context.bus.kv("states", NotifierState);
  const rules = [
    {
      rule: "stale",
      when: { kind: "stale" as const, longer_than: "30d" },
      severity: "low" as const,
      channels: ["log" as const],
    },
  ];
  const searched = { ...initialState("f"), first_seen_at: new Date(0).toISOString() };
  for (const noticedMs of [40 * day, 41 * day]) {
    await clock.advanceTo(noticedMs);
    await states.put(stateKey("f"), searched);
    await new AlertRaiser(context, rules, states).tick("f");
  }
  const raised = [];
  for await (const each of context.bus.read("DECISIONS", { filter: "alert.raised.>" }))
    raised.push((each.json() as CloudEvent).time);
  expect(raised).toEqual([new Date(40 * day).toISOString()]);
});

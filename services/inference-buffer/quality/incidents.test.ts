import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { IncidentsState, incidentsKey } from "../../../shared/contracts/incidents.ts";
import { LedgerReply } from "../../../shared/contracts/inference-buffer.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { newEvent } from "../../../shared/events.ts";
import { day, observation, prediction } from "../buffer.fixture.ts";
import { context, startBuffer, stopBuffer, useBuffer } from "../harness.fixture.ts";

useBuffer();

const tell = (verb: "raised" | "cleared", target: string, told: object) =>
  context.bus.publishEvent(
    `alert.${verb}.incident.${target}`,
    newEvent({
      source: "retune/test",
      type: `dev.retune.alert.${verb}`,
      subject: target,
      timeMs: context.clock.now(),
      data: told,
    }),
  );
const raise = (target: string, incident: string, from: number, to: number | null = null) =>
  tell("raised", target, {
    incident,
    scope: { series: target },
    from: day(from),
    to: to === null ? null : day(to),
    reason: "feed broken",
    by: "ana",
  });
const states = () => context.bus.kv("states", IncidentsState);
const told = async (target: string) =>
  (await states().get(incidentsKey(target)))?.value.incidents.map(({ incident, from, to }) => [
    incident,
    from,
    to,
  ]);

async function until<T>(probe: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 200; tries++) {
    const value = await probe();
    if (holds(value)) return value;
    await sleep(25);
  }
  throw new Error(`never came: ${JSON.stringify(await probe())}`);
}

async function scores(forecaster: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const message of context.bus.read("TELEMETRY", { filter: `telemetry.score.${forecaster}` }))
    found.push(...[message.json()].flat());
  return found;
}

describe("incidents in the inference-buffer", () => {
  it("are kept as a fold of their events, and are rebuilt when the state is lost", async () => {
    await raise("kept", "a", 1);
    await startBuffer();
    expect(await told("kept")).toEqual([["a", day(1), null]]);
    await tell("cleared", "kept", { incident: "a", to: day(2) });
    const closed = [["a", day(1), day(2)]];
    await until(
      () => told("kept"),
      (found) => found?.[0]?.[2] !== null,
    );
    expect(await told("kept")).toEqual(closed);
    await stopBuffer();
    await states().delete(incidentsKey("kept"));
    await startBuffer();
    expect(await told("kept")).toEqual(closed);
  });

  it("mark the scores that follow, and none once they are cleared", async () => {
    await context.bus
      .kv("specs", ForecasterSpec)
      .put("m1-7d", ForecasterSpec.parse({ forecaster: "m1-7d", series: "m1", horizon: "7d" }));
    await startBuffer();
    await raise("m1", "a", 2);
    await until(
      () => told("m1"),
      (found) => found !== undefined,
    );
    let message = 0;
    const step = async (n: number) => {
      await context.bus.publishTelemetry("prediction", "m1-7d", [prediction(n - 1, n, 1)], `p${message++}`);
      await context.bus.publishTelemetry("observation", "m1", [observation(n, 1)], `o${message++}`);
    };
    await step(1);
    await step(2);
    expect(
      await until(
        () => scores("m1-7d"),
        (found) => found.length === 2,
      ),
    ).toMatchObject([{ target_ts: day(1) }, { target_ts: day(2), in_incident: true }]);
    await tell("cleared", "m1", { incident: "a", to: day(3) });
    await until(
      () => told("m1"),
      (found) => found?.[0]?.[2] !== null,
    );
    await step(4);
    const last = (
      await until(
        () => scores("m1-7d"),
        (found) => found.length === 3,
      )
    ).at(-1);
    expect(last).not.toHaveProperty("in_incident");
    const ledger = await context.bus.request("inference-buffer.ledger", { forecaster: "m1-7d" }, LedgerReply);
    expect(ledger.total).toEqual({ made: 3, matured: 3, scored: 3, missing: 0, in_incident: 1 });
  });

  it("become dead letters where they cannot be meant, and the next one is heard", async () => {
    await startBuffer();
    await tell("cleared", "bad", { incident: "ghost" });
    await raise("bad", "backwards", 5, 4);
    await raise("other", "here", 1);
    await tell("raised", "bad", {
      incident: "x",
      scope: { series: "other" },
      from: day(1),
      reason: "r",
      by: "b",
    });
    await raise("bad", "good", 1, 2);
    const letters = async () => {
      const found: { data: { subject: string; error: string } }[] = [];
      for await (const message of context.bus.read("DECISIONS", { filter: "alert.raised.dead-letter.*" }))
        found.push(message.json() as (typeof found)[number]);
      return found
        .filter(({ data: letter }) => letter.subject.endsWith(".bad"))
        .map(({ data: letter }) => letter.error);
    };
    expect(await until(letters, (found) => found.length === 3)).toEqual([
      expect.stringMatching(/'ghost' of 'bad' was never raised/),
      expect.stringMatching(/'to': expected a time that is not before from/),
      expect.stringMatching(/scope names 'other', expected 'bad'/),
    ]);
    expect(await told("bad")).toEqual([["good", day(1), day(2)]]);
  });
});

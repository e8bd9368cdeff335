import { describe, expect, it } from "vitest";
import type { ArbiterStatus } from "../../../shared/contracts/trigger.ts";
import { newEvent } from "../../../shared/events.ts";
import { RunScript, START_MS, spec, timing } from "../testing/samples.ts";
import { Projection } from "./projection.ts";

const ID = "eurusd-7d";
const at = (day: number) => new Date(START_MS + day * 86_400_000).toISOString();

let sequence = 0;

/** Tells the projection of an incident, as an event of DECISIONS. */
function incident(projection: Projection, verb: "raised" | "cleared", about: string, over: object): void {
  sequence += 1;
  const type = `dev.retune.alert.${verb}`;
  const alert = { rule: "incident", about, severity: "info", message: "x", caused_by: [], evidence: {} };
  const scope = about === ID ? { forecaster: about } : { series: about };
  const data = { ...alert, incident: "i", scope, from: at(2), reason: "feed broken", by: "ana", ...over };
  const event = newEvent({ source: "test", type, subject: about, timeMs: START_MS, data });
  const subject = `alert.${verb}.incident.${about}`;
  projection.decision({ subject, sequence, time: new Date(START_MS), json: () => event });
}

function observe(projection: Projection, day: number): void {
  const observation = { ts: at(day), values: { rate: 1.1 } };
  projection.telemetry({
    subject: "telemetry.observation.eurusd",
    sequence: day,
    time: new Date(START_MS),
    json: () => observation,
  });
}

function known(): Projection {
  const projection = new Projection();
  projection.spec(ID, spec(ID));
  projection.spec("eurusd-30d", spec("eurusd-30d", { horizon: "30d" }));
  observe(projection, 3);
  return projection;
}

const texts = (projection: Projection, id = ID) =>
  projection.forecasterView(id)!.notes.map(({ kind, text }) => `${kind}: ${text}`);

describe("the notes of a card", () => {
  it("tell of an incident of the series on each of its cards, until it is over", () => {
    const projection = known();
    incident(projection, "raised", "eurusd", {});
    const words = "incident: incident of the series since 2025-03-05: feed broken";
    expect(texts(projection)).toEqual([words]);
    expect(texts(projection, "eurusd-30d")).toEqual([words]);
    const { version } = projection;
    incident(projection, "cleared", "eurusd", { to: at(3) });
    expect(texts(projection)).toEqual([]);
    expect(projection.patchSince(version).forecasters?.map(({ id }) => id)).toEqual([ID, "eurusd-30d"]);
  });

  it("tell of one of a forecaster on its card alone, also when it was raised before the spec came", () => {
    const projection = new Projection();
    incident(projection, "raised", ID, { to: at(5) });
    projection.spec(ID, spec(ID));
    projection.spec("eurusd-30d", spec("eurusd-30d", { horizon: "30d" }));
    observe(projection, 3);
    expect(texts(projection)).toEqual([
      "incident: incident of this forecaster from 2025-03-05 to 2025-03-08: feed broken",
    ]);
    expect(texts(projection, "eurusd-30d")).toEqual([]);
    observe(projection, 5);
    expect(texts(projection)).toEqual([]);
  });

  it.each([
    ["withdrawn", { to: at(2) }],
    ["about another than its subject says", { scope: { series: "usdclp" } }],
    ["that breaks the contract", { from: "yesterday" }],
  ])("do not tell of one %s", (_, over) => {
    const projection = known();
    incident(projection, "raised", "eurusd", over);
    expect(texts(projection)).toEqual([]);
  });

  it("tell what waits and what is scheduled, as the trigger says it, and nothing while it is silent", () => {
    const projection = known();
    projection.timing([timing(ID)]);
    expect(texts(projection)).toEqual([
      "waiting: a triggered run of medium priority waits since 2025-03-04 and starts 2025-03-04 06:00:00 UTC: performance: RMSE rose 22 %",
      "scheduled: next scheduled run 2025-03-10 05:00:00 UTC (0 6 * * 1, Europe/Berlin)",
    ]);
    expect(texts(projection, "eurusd-30d")).toEqual([]);
    const { version } = projection;
    projection.timing([timing(ID)]);
    expect(projection.version).toBe(version);
    projection.timing(undefined);
    expect(texts(projection)).toEqual([]);
  });

  it.each([
    ["drop what waited once a run begins", 2, 1],
    ["keep what waits when a run that began before is read", 0, 2],
  ])("%s", (_, day, left) => {
    const projection = known();
    projection.timing([timing(ID)]);
    const [accepted] = new RunScript(ID, "a", START_MS + day * 86_400_000).accepted().events;
    sequence += 1;
    const { subject, event } = accepted!;
    projection.decision({ subject, sequence, time: new Date(START_MS), json: () => event });
    expect(texts(projection)).toHaveLength(left);
  });

  it("drop a scheduled time that has passed", () => {
    const projection = known();
    projection.timing([{ ...timing(ID), pending: null }]);
    expect(texts(projection)).toHaveLength(1);
    observe(projection, 8);
    expect(texts(projection)).toEqual([]);
  });

  it("say when no window lets a run start", () => {
    const projection = known();
    const pending = { ...timing(ID).pending!, starts_at: null, cause: "manual" as const, reasons: [] };
    const waits: ArbiterStatus = { ...timing(ID), pending, next_schedule: null };
    projection.timing([waits]);
    expect(texts(projection)).toEqual([
      "waiting: a requested run of medium priority waits since 2025-03-04, but no window lets it start",
    ]);
  });
});

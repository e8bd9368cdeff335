import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { day, prediction } from "../buffer.fixture.ts";
import { observe, predict } from "../decide.ts";
import { type Ledger, newLedger } from "../state.ts";
import { hasRoom, makeRoom, mayWait, type Room } from "./room.ts";

const ENTITIES = 50;
const names = Array.from({ length: ENTITIES }, (_, i) => `s${i}`);

/** A fleet that is forecast a day ahead each day, up to `days`. */
function fleet(days: number, room: Room): Ledger {
  const spec = { forecaster: "load", series: "load", entities: "all", horizon: "1d" };
  const ledger = newLedger([ForecasterSpec.parse(spec)]);
  ledger.holding = false;
  for (let n = 0; n < days; n += 1) {
    for (const entity of names) {
      observe(ledger, "load", { ts: day(n), entity, values: { value: n } });
      predict(ledger, "load", prediction(n, n + 1, n, { entity }));
      makeRoom(ledger, room);
    }
  }
  return ledger;
}

const linesOf = (ledger: Ledger) => [...ledger.lines.get("load")!.get("value")!.values()];

describe("the memory of a fleet's ledger", () => {
  it("shortens what is known of every entity, and lets go of none that is waited on", () => {
    const ledger = fleet(28, { points: 600, scored: 1e6, pending: 1e6, reserved: 0 });
    const lines = linesOf(ledger);
    expect(lines).toHaveLength(ENTITIES);
    expect(ledger.points).toBeLessThanOrEqual(600);
    expect(ledger.points).toBe(lines.reduce((sum, { times }) => sum + times.length, 0));
    expect(lines.every(({ times }) => times.length >= 9)).toBe(true);
  });

  it("forgets what was scored long ago, and scores nothing of that time twice", () => {
    const ledger = fleet(28, { points: 1e6, scored: 400, pending: 1e6, reserved: 0 });
    const identities = linesOf(ledger).flatMap(({ scored }) => [...scored.values()].map(({ size }) => size));
    expect(ledger.scored).toBeLessThanOrEqual(400);
    expect(ledger.scored).toBe(identities.reduce((sum, size) => sum + size, 0));
    for (const n of [0, 10, 26])
      expect(predict(ledger, "load", prediction(n, n + 1, n, { entity: "s1" }))).toEqual([]);
  });

  it("has no room for a prediction when as many wait as may", () => {
    const ledger = fleet(3, { points: 1e6, scored: 1e6, pending: 1e6, reserved: 0 });
    expect(ledger.pending).toBe(ENTITIES);
    expect(hasRoom(ledger, { points: 1, scored: 1, pending: ENTITIES, reserved: 0 })).toBe(false);
    expect(hasRoom(ledger)).toBe(true);
  });

  it("keeps a share for a forecaster that has few waiting, when another has filled it", () => {
    const ledger = newLedger(
      ["load", "usd"].map((name) =>
        ForecasterSpec.parse({ forecaster: name, series: name, entities: "all", horizon: "1d" }),
      ),
    );
    const room = { points: 1e6, scored: 1e6, pending: ENTITIES, reserved: 4 };
    const allowed = (forecaster: string) => mayWait(ledger, ledger.targets.get(forecaster)!, room);
    for (const entity of names) {
      expect(allowed("load")).toBe(true);
      predict(ledger, "load", prediction(0, 1, 1, { entity }));
    }
    expect(allowed("load")).toBe(false);
    for (const step of [1, 2]) {
      expect(allowed("usd")).toBe(true);
      predict(ledger, "usd", prediction(0, step, 1));
    }
    expect(allowed("usd")).toBe(false);
  });
});

import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { seeded } from "../../test/support/seeded.ts";
import { sweep } from "./decide.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, START, type TestFleet } from "./fleet.fixture.ts";
import {
  cut,
  evenly,
  PLANETLAB,
  paused,
  readFleet,
  replay,
  SERVICES,
  statesByHand,
  type Tick,
  unlessThere,
} from "./replay.fixture.ts";

let loaded: Tick[] | undefined;
/** A day of five-minute steps as twelve of hours, the six days one after the other. */
function planetlab(): Tick[] {
  loaded ??= evenly(readFleet(PLANETLAB), START, HOUR_MS);
  return loaded;
}

/** Entities that are not active, with their states, at every `every`-th tick. */
function history(ticks: readonly Tick[], every: number): Record<string, string>[] {
  const found: Record<string, string>[] = [];
  replay(ticks, (test, index) => {
    if (index % every === 0) found.push(test.silent());
  });
  return found;
}

function silentByHand(ticks: readonly Tick[], index: number): Record<string, string> {
  return Object.fromEntries([...statesByHand(ticks, index)].filter(([, state]) => state !== "active"));
}

/** Priority of a drift in the words of C-FLT-1. */
function tierByHand(percent: number): string {
  if (percent < 10) return "none";
  if (percent < 20) return "low";
  return percent <= 35 ? "medium" : "high";
}

/** Thirty entities that come and go over fifty days, one step every twenty minutes. */
function churning(seed: number): Tick[] {
  const draw = seeded(seed);
  const lives = Array.from({ length: 30 }, (_, i) => {
    const comes = i < 20 ? 0 : draw() * 30 * DAY_MS;
    const goes = draw() < 0.5 ? comes + draw() * 15 * DAY_MS : Number.POSITIVE_INFINITY;
    const returns = draw() < 0.3 ? goes + draw() * 40 * DAY_MS : Number.POSITIVE_INFINITY;
    return { entity: `s${i}`, comes, goes, returns };
  });
  return Array.from({ length: 50 * 72 }, (_, i) => {
    const sinceMs = i * 20 * MINUTE_MS;
    const present = lives.filter(
      ({ comes, goes, returns }) => sinceMs >= comes && (sinceMs < goes || sinceMs >= returns),
    );
    // One always reports: with nobody left, the feed itself would have stopped.
    const names = ["beacon", ...present.map(({ entity }) => entity)];
    return { timeMs: START + sinceMs, values: new Map(names.map((name) => [name, { cpu: 1 }])) };
  });
}

/**
 * States as the text has them, with outages of the feed of an hour and of two days before tick `at` or without.
 *
 * @param hourMs an hour of the recording, as it is replayed
 */
function holdsUnderOutages(ticks: readonly Tick[], at: number, every: number, hourMs = HOUR_MS): void {
  const calm = history(ticks, every);
  expect(calm).toEqual(calm.map((_, i) => silentByHand(ticks, i * every)));
  for (const lengthMs of [hourMs, 2 * DAY_MS]) {
    // An outage of the feed ages nobody: as if the world had stood still meanwhile.
    expect(history(paused(ticks, at, lengthMs), every)).toEqual(calm);
    // Nor does it where what was to come meanwhile is lost.
    const around: Record<string, string>[] = [];
    const test = replay(cut(ticks, at, lengthMs).slice(0, at + 1), (each, index) => {
      if (index >= at - 1) around.push(each.silent());
    });
    expect(test.fleet.outages).toHaveLength(1);
    const [before, after] = around;
    for (const entity of Object.keys(after!))
      expect([entity, after![entity]]).toEqual([entity, before![entity]]);
  }
}

describe("a fleet with churn, replayed with an outage of the feed (C-FLT-1..4)", () => {
  for (const seed of [1, 2])
    it(`made up (seed ${seed}): states as the text has them, and the same ones later by the outage`, () => {
      const ticks = churning(seed);
      const states = new Set(history(ticks, 72).flatMap((each) => Object.values(each)));
      expect([...states].sort()).toEqual(["offline", "sunset", "sunset-candidate"]);
      holdsUnderOutages(ticks, 2_000, 36);
    });

  it.skipIf(!existsSync(PLANETLAB))(
    `PlanetLab: 206 virtual machines in six days of strong churn, a day of five-minute steps as twelve of hours${unlessThere(PLANETLAB)}`,
    () => {
      const ticks = planetlab();
      expect(ticks).toHaveLength(6 * 288);
      holdsUnderOutages(ticks, 2 * 288 + 100, 24, 12 * HOUR_MS);
    },
  );

  it.skipIf(!existsSync(PLANETLAB))(
    `PlanetLab: tiers of the drift from the first day's vocabulary on, and after a new model${unlessThere(PLANETLAB)}`,
    () => {
      const ticks = planetlab();
      let vocabulary = new Set<string>();
      const learn = (test: TestFleet, index: number, version: string) => {
        const states = statesByHand(ticks, index);
        vocabulary = new Set([...states.keys()].filter((entity) => states.get(entity) !== "sunset"));
        for (const entity of vocabulary)
          test.forecastAt(ticks[index]!.timeMs, entity, true, { model_version: version });
      };
      const tiers = new Set<string>();
      replay(ticks, (test, index) => {
        if (index === 287) learn(test, index, "v1");
        if (index === 4 * 288 + 200) learn(test, index, "v2");
        if (index % 24 !== 0 || vocabulary.size === 0) return;
        sweep(test.fleet, []);
        const states = [...statesByHand(ticks, index)];
        const fresh = states.filter(([entity, state]) => state === "active" && !vocabulary.has(entity));
        const sunset = states.filter(([entity, state]) => state === "sunset" && vocabulary.has(entity));
        const { known, new_total, sunset_total, tier, drift } = test.status();
        expect([index, known, new_total, sunset_total]).toEqual([
          index,
          vocabulary.size,
          fresh.length,
          sunset.length,
        ]);
        expect(drift).toBe((fresh.length + sunset.length) / vocabulary.size);
        expect(tier).toBe(tierByHand((100 * (fresh.length + sunset.length)) / vocabulary.size));
        tiers.add(tier!);
      });
      expect(tiers).toContain("none");
      expect(tiers).toContain("high");
    },
  );

  it.skipIf(!existsSync(SERVICES))(
    `services: one retired, one gone for long, one renamed, which is recognised among twelve${unlessThere(SERVICES)}`,
    () => {
      const real = readFleet(SERVICES, 4); // every twenty minutes
      const ticks = real.map(({ timeMs, values }): Tick => {
        const days = (timeMs - real[0]!.timeMs) / DAY_MS;
        const named = [...values].flatMap(([entity, each]): [string, Record<string, number>][] => {
          if (entity === "d2-s05" && days >= 0.5) return [];
          if (entity === "d2-s06" && days >= 20) return [];
          if (entity === "d2-s04" && days >= 10) return [["web-1", each]];
          return [[entity, each]];
        });
        return { timeMs, values: new Map(named) };
      });
      holdsUnderOutages(ticks, 15 * 72, 36);
      const known = [...real[0]!.values.keys()];
      const suggested: string[] = [];
      const test = replay(ticks, (each, index) => {
        if (index === 0) for (const entity of known) each.forecastAt(ticks[0]!.timeMs, entity, true);
        if (index % 72 === 0)
          suggested.push(...each.status().renames.map(({ from, to }) => `${from} is ${to}`));
      });
      expect(test.status()).toMatchObject({
        known: 12,
        new: ["web-1"],
        sunset_total: 1,
        tier: "low",
        drift: 2 / 12,
      });
      expect(new Set(suggested)).toEqual(new Set(["d2-s04 is web-1"]));
      expect(test.status().renames).toEqual([{ from: "d2-s04", to: "web-1", score: expect.any(Number) }]);
    },
  );
});

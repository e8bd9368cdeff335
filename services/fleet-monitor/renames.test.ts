import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, names, START, TestFleet } from "./fleet.fixture.ts";

const STEP_MS = 10 * MINUTE_MS;

/** The same each time: noise in [-1, 1] from a name and a time. */
function noise(name: string, timeMs: number): number {
  let hash = 2_166_136_261 ^ (timeMs / STEP_MS);
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 16_777_619);
  hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_507);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 31 - 1;
}

/** Load of server `s<i>`: a level and a daily peak of its own. */
function load(name: string, timeMs: number): number {
  const i = Number(name.slice(1));
  return 20 + 6 * i + 5 * Math.sin((2 * Math.PI * (timeMs / HOUR_MS - 3 * i)) / 24) + 2 * noise(name, timeMs);
}

/** Twelve servers; on day 3 `s4` stops, and `later` after it reports come under a new name, with the load of `as`. */
function renamed(later: number, as: string): TestFleet {
  const test = new TestFleet();
  test.observeAt(START, names(12));
  for (const name of names(12)) test.forecastAt(START, name, true);
  for (let t = START; t < START + 6 * DAY_MS; t += STEP_MS) {
    const stopped = t >= START + 3 * DAY_MS;
    test.observeAt(
      t,
      names(12).filter((name) => !(stopped && name === "s4")),
      (name) => load(name, t),
    );
    if (t >= START + 3 * DAY_MS + later) test.observeAt(t, ["web-9"], load(as, t));
  }
  return test;
}

describe("a rename", () => {
  it("is suggested where a new name goes on as one that vanished did, and counts as new", () => {
    const status = renamed(HOUR_MS, "s4").status();
    expect(status.renames).toEqual([{ from: "s4", to: "web-9", score: expect.any(Number) }]);
    expect(status.renames[0]!.score).toBeGreaterThan(0.6);
    expect(status).toMatchObject({ new: ["web-9"], drift: 1 / 12 });
  });

  it("is not suggested where the newcomer looks like somebody else", () => {
    expect(renamed(HOUR_MS, "s8").status().renames).toEqual([]);
  });

  it("is not suggested long after", () => {
    expect(renamed(6 * HOUR_MS - STEP_MS, "s4").status().renames).toHaveLength(1); // s4 was last seen a step before
    expect(renamed(6 * HOUR_MS, "s4").status().renames).toEqual([]);
  });

  it("is withdrawn when the old name comes back", () => {
    const test = renamed(HOUR_MS, "s4");
    test.observeAt(START + 6 * DAY_MS, ["s4"], 44);
    expect(test.status().renames).toEqual([]);
  });

  it("is none in a fleet of twins, where everybody looks like everybody", () => {
    const test = new TestFleet();
    test.forecastAt(START, "s0", true);
    for (let t = START; t < START + 5 * DAY_MS; t += STEP_MS) {
      const present = t < START + 3 * DAY_MS ? names(30) : [...names(29), "fresh"];
      test.observeAt(t, present, (name) => 50 + 5 * noise(name, t));
    }
    expect(test.status().renames).toEqual([]);
  });
});

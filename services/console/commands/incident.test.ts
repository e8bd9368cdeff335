import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliBench, cliBench } from "../testing/cli-bench.ts";

let bench: CliBench;
const retune: CliBench["retune"] = (...args) => bench.retune(...args);

beforeAll(async () => {
  bench = await cliBench();
});
afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
});

const open = (target: string, ...flags: string[]) =>
  retune(["incident", "open", target, "--from", "2025-03-01", "--reason", "feed broken", ...flags]);
const listed = async () =>
  (await retune(["incident", "list", "--json"])).terminal.json() as { incident: string }[];

describe("retune incident", () => {
  it("opens, lists and closes an incident of a series, and replay shows who said what", async () => {
    expect((await retune(["incident", "list"])).terminal.text()).toBe("no incident was ever raised");
    const opened = await open("eurusd", "--id", "feed-1");
    expect(opened.code).toBe(0);
    expect(opened.terminal.text()).toMatch(/^eurusd: incident feed-1 from 2025-03-01 on \[\d+\]$/);
    expect(await listed()).toEqual([
      {
        incident: "feed-1",
        scope: { series: "eurusd" },
        from: "2025-03-01T00:00:00.000Z",
        to: null,
        reason: "feed broken",
        by: "ana",
      },
    ]);
    const closed = await retune(["incident", "close", "feed", "--to", "2025-03-02T12:00:00Z"]);
    expect(closed.terminal.text()).toMatch(
      /^eurusd: incident feed-1 is over: from 2025-03-01 to 2025-03-02 12:00:00 UTC \[\d+\]$/,
    );
    expect((await retune(["incident", "list"])).terminal.text()).toMatch(
      /feed-1 +series eurusd +2025-03-01 +2025-03-02 12:00:00 UTC +ana +feed broken/,
    );
    const replay = (await retune(["replay"])).terminal.text();
    expect(replay).toContain("eurusd: incident raised by ana, from 2025-03-01 on: feed broken");
    expect(replay).toContain("eurusd: incident feed-1 cleared at 2025-03-02 12:00:00 UTC");
  });

  it("opens one of a forecaster that is over, and takes it back", async () => {
    const opened = await open("eurusd-7d", "--to", "2025-03-03", "--id", "bad-model", "--json");
    expect(opened.terminal.json()).toMatchObject({
      scope: { forecaster: "eurusd-7d" },
      to: "2025-03-03T00:00:00.000Z",
    });
    expect((await retune(["incident", "close", "bad-model"])).terminal.stderr.join()).toContain(
      "--to corrects that",
    );
    const withdrawn = await retune(["incident", "close", "bad-model", "--withdraw"]);
    expect(withdrawn.terminal.text()).toContain("incident bad-model is withdrawn");
    expect((await listed()).find(({ incident }) => incident === "bad-model")).toMatchObject({
      from: "2025-03-01T00:00:00.000Z",
      to: "2025-03-01T00:00:00.000Z",
    });
  });

  for (const [what, args, code, told] of [
    [
      "a target nobody knows",
      ["open", "gold", "--from", "1d", "--reason", "x"],
      1,
      /no series or forecaster is called 'gold'; known: eurusd, /,
    ],
    [
      "the wrong kind of target",
      ["open", "eurusd", "--from", "1d", "--reason", "x", "--scope", "forecaster"],
      1,
      /no forecaster is called 'eurusd'/,
    ],
    [
      "an end before the beginning",
      ["open", "eurusd", "--from", "1d", "--to", "2d", "--reason", "x"],
      1,
      /'to': expected a time that is not before from/,
    ],
    ["a time that is none", ["open", "eurusd", "--from", "noon", "--reason", "x"], 1, /--from is 'noon'/],
    [
      "an id that is no token",
      ["open", "eurusd", "--from", "1d", "--reason", "x", "--id", "a.b"],
      1,
      /'incident': expected 1 to 64 letters/,
    ],
    ["no reason", ["open", "eurusd", "--from", "1d"], 2, /--reason/],
    ["an incident that was never raised", ["close", "ghost"], 1, /no incident is called 'ghost'/],
  ] as const) {
    it(`refuses ${what} and publishes nothing`, async () => {
      const { lastSequence } = await bench.context.bus.streamState("DECISIONS");
      const { code: got, terminal } = await retune(["incident", ...args]);
      expect(terminal.stderr.join()).toMatch(told);
      expect(got).toBe(code);
      expect((await bench.context.bus.streamState("DECISIONS")).lastSequence).toBe(lastSequence);
    });
  }
});

import { describe, expect, it } from "vitest";
import { findRun } from "./find-run.ts";

const run = (run_id: string) =>
  ({ run_id, forecaster: "eurusd-7d", state: "verified", started_at: "2025-03-03T00:00:00Z" }) as const;
const runs = [
  run("0195594d-6800-776f-bdd7-69af263711cd"),
  run("01955984-5680-7161-92c5-995203343d0b"),
  run("0195f3cc-3000-7d04-bd4a-30ff4b6f3269"),
];

describe("finding a run by what a person types", () => {
  it.each([
    ["a whole id", "0195594d-6800-776f-bdd7-69af263711cd", 0],
    ["a beginning", "0195f3", 2],
    ["an end, as the page shows it", "03343d0b", 1],
    ["capitals", "4B6F3269", 2],
  ])("takes %s", (_, asked, index) => expect(findRun(runs, asked)).toBe(runs[index]));

  it("lists the candidates of what several share", () => {
    expect(() => findRun(runs, "01955")).toThrow(
      /'01955' is the beginning or end of 2 runs:\n {2}0195594d.*\n {2}01955984/,
    );
  });

  it("lists the latest runs of a forecaster that is named in place of one", () => {
    expect(() => findRun(runs, "eurusd-7d")).toThrow(
      /^'eurusd-7d' is a forecaster\. Its latest runs:\n {2}0195594d.*\n {2}01955984.*\n {2}0195f3cc/,
    );
  });

  it("lists the nearest of what none has, the best first", () => {
    expect(() => findRun(runs, "0195f9")).toThrow(/no run is called '0195f9'. Near it:\n {2}0195f3cc/);
    expect(() => findRun(runs, "")).toThrow(/no run is called ''/);
    expect(() => findRun([], "0195")).toThrow("there is no run yet");
  });
});

import { describe, expect, it } from "vitest";
import { oneSeries } from "../../shared/forecasting/backtest.ts";
import { windowKeys } from "./losses.ts";
import { plannedTrials, type Study } from "./state.ts";
import { studyOf } from "./study.fixture.ts";

const DAY_MS = 86_400_000;
const values = Float64Array.from({ length: 100 }, (_, t) => 50 + Math.sin(t));
const times = Float64Array.from(values, (_, t) => t * DAY_MS);
const study = studyOf();
const CUTOFF = 70;
const HORIZON = 5;

function keyOf(
  over: {
    readonly of?: Study;
    readonly number?: number;
    readonly change?: readonly [at: number, to: number];
    readonly version?: string;
    readonly drop?: number;
    readonly lateMs?: number;
  } = {},
): string | undefined {
  const { of = study, number = 0, version = "1", drop = 0, lateMs = 0 } = over;
  const seen = Float64Array.from(values);
  if (over.change !== undefined) seen[over.change[0]] = over.change[1];
  const data = oneSeries(seen.subarray(drop), 1, {
    times: times.subarray(drop).map((time) => time + lateMs),
  });
  const moved = { ...of, split: { ...of.split, search_end: of.split.search_end - drop } };
  return windowKeys(moved, data, version)(plannedTrials(of)[number]!, CUTOFF - drop);
}

describe("the name of a window's loss", () => {
  const known = keyOf();

  it("is the same in next week's history, where the window has another index", () => {
    expect(known).toBeDefined();
    expect(keyOf({ drop: 7 })).toBe(known);
    expect(keyOf({ drop: 7, lateMs: 4_000 })).toBe(known);
  });

  it("is none where a fleet is scaled by the past of each of its series (MASE)", () => {
    const { series, ...others } = oneSeries(values, 1, { times });
    const fleet = { ...others, series: ["a", "b"].map((entity) => ({ ...series[0]!, entity })) };
    const named = (objective: "mase" | "mae") => {
      const of = studyOf({ objective });
      return windowKeys(of, fleet, "1")(plannedTrials(of)[0]!, CUTOFF);
    };
    expect(named("mase")).toBeUndefined();
    expect(named("mae")).toBeDefined();
  });

  it.each<[string, Parameters<typeof keyOf>[0], boolean]>([
    ["the newest value of the context was corrected", { change: [CUTOFF, 0] }, true],
    ["the oldest value of the context was corrected", { change: [CUTOFF - 29, 0] }, true],
    ["a value before the context was corrected", { change: [CUTOFF - 30, 0] }, false],
    ["the last target was corrected", { change: [CUTOFF + HORIZON, 0] }, true],
    ["a value after the targets was corrected", { change: [CUTOFF + HORIZON + 1, 0] }, false],
    ["a value became missing", { change: [CUTOFF, Number.NaN] }, true],
    ["the code is another version", { version: "2" }, true],
    ["the trial has other samples", { number: 1 }, true],
    [
      "the model file is another",
      { of: { ...study, artifacts: { "chronos-bolt": `sha256-${"1".repeat(64)}` } } },
      true,
    ],
    ["the draws have another seed", { of: studyOf({ seed: 2 }) }, true],
    ["another objective is minimised", { of: studyOf({ objective: "mae" }) }, true],
  ])("where %s", (_, over, differs) => {
    expect(keyOf(over) !== known).toBe(differs);
  });

  it("looks at the whole past for MASE, whose scale does", () => {
    const of = studyOf({ objective: "mase" });
    expect(keyOf({ of, change: [3, 0] })).not.toBe(keyOf({ of }));
  });

  it.each<[string, Study]>([
    ["a family that is trained anew each time", { ...study, trained: ["chronos-bolt"] }],
    ["a search that weighs measured costs", studyOf({ weights: { inference_time: 0.1 } })],
    ["more than 20,000 windows", { ...study, plan: { ...study.plan, size: 1_000 } }],
  ])("is none for %s", (_, of) => {
    expect(keyOf({ of })).toBeUndefined();
  });
});

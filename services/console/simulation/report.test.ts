import { describe, expect, it } from "vitest";
import type { PolicyOutcome, SimulationReport } from "../../../shared/contracts/simulation.ts";
import { simulationPage } from "./page.ts";
import { timePlot } from "./plot.ts";
import { verifyText, whatIfText } from "./tables.ts";

const NASTY = `<script>alert("1")</script>&'\u001b[31m`;

function outcome(over: Partial<PolicyOutcome>): PolicyOutcome {
  return {
    policy: "recorded",
    evaluations: 30,
    alarms: 3,
    insufficient: 1,
    refused: 1,
    runs: [],
    compute_s: 12.5,
    served: { rmse: 0.0123, scores: 210, basis: "observed" },
    diverged_at: null,
    daily: [
      ["2025-01-01", 4, 1],
      ["2025-01-02", 0, 0],
      ["2025-01-03", 2, 2],
    ],
    ...over,
  };
}

function report(over: Partial<SimulationReport> = {}): SimulationReport {
  const run = { at: "2025-01-02T00:00:00.000Z", cause: "trigger", reasons: [NASTY], outcome: null };
  const policies = [
    outcome({}),
    outcome({
      policy: "changed",
      runs: [run],
      diverged_at: run.at,
      compute_s: null,
      served: { rmse: 0.02, scores: 210, basis: "assumed" },
    }),
    outcome({ policy: "never", served: { rmse: null, scores: 0, basis: "observed" }, daily: [] }),
  ];
  return {
    mode: "what-if",
    from: "2025-01-01T00:00:00.000Z",
    to: "2025-01-04T00:00:00.000Z",
    code_version: "0.1.0",
    settings: ["trigger.cooldown=7d"],
    retrained: false,
    notes: ["a note"],
    seconds: 1.5,
    forecasters: [{ forecaster: "eurusd-7d", unit: NASTY, policies }],
    decisions: [],
    ...over,
  };
}

describe("the policies side by side", () => {
  it("are a table for each forecaster that says what each error is", () => {
    const text = whatIfText(report(), Number.POSITIVE_INFINITY);
    expect(text.split("\n")).toEqual([
      "2025-01-01 to 2025-01-04, 1 forecaster, in 1.5 s",
      "changed: trigger.cooldown=7d",
      "",
      "eurusd-7d",
      "POLICY    RUNS  ALARMS  REFUSED  COMPUTE    RMSE  THE ERROR IS",
      "recorded     0       3        1   12.5 s  0.0123  observed",
      "changed      1       3        1      n/a    0.02  not observed after 2025-01-02: the error of what was served then",
      "never        0       3        1   12.5 s     n/a  no score",
      "",
      "Note: a note",
    ]);
  });

  it("are a page without script, in which text of others is text", () => {
    const page = simulationPage(report());
    expect(page).not.toMatch(/<script|\bon\w+=|https?:\/\//);
    expect(page).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;");
    expect(page.match(/<circle/g)).toHaveLength(1);
    expect(page).toContain("url(#unknown)");
  });
});

describe("the plot", () => {
  it("says so where there is nothing to plot", () => {
    expect(timePlot([], [], "")).toContain("Nothing to plot");
  });

  it("starts at 0 and ends at a round number above the largest value", () => {
    const points = [0, 1, 2].map((day): [number, number] => [day * 86_400_000, day * 1.7]);
    const plot = timePlot([{ name: "a", colour: "red", points }], [], "CLP");
    expect([...plot.matchAll(/text-anchor="end" x="88"[^>]*>([^<]*)</g)].map(([, label]) => label)).toEqual([
      "0",
      "1.25",
      "2.5",
      "3.75",
      "5",
    ]);
  });

  it("draws a single moment and a constant 0 without a number that is none", () => {
    const plot = timePlot([{ name: "a", colour: "red", points: [[0, 0]] }], [], "");
    expect(plot).not.toMatch(/NaN|Infinity/);
  });
});

describe("a verification", () => {
  const verified = (verdict: "reproduced" | "different" | "unverifiable", sequence: number) => ({
    sequence,
    subject: "retrain.evaluated.a",
    verdict,
    ...(verdict === "reproduced" ? {} : { detail: "detectors.0.fired" }),
  });

  it("counts what came out the same and lists what did not", () => {
    const decisions = [verified("reproduced", 1), verified("different", 2), verified("unverifiable", 3)];
    const lines = verifyText(report({ mode: "verify", decisions, notes: [] }), 100).split("\n");
    expect(lines[1]).toMatch(/^ +2 {2}different +retrain.evaluated.a +detectors.0.fired$/);
    expect(lines.at(-1)).toBe("1 of 3 recorded decisions reproduced bit for bit (33.3 %), in 1.5 s");
    expect(simulationPage(report({ mode: "verify", decisions }))).toContain("1 of 3 decisions reproduced");
  });
});

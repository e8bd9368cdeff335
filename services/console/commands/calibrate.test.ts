import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CalibrationReport, type CheckedCalibration } from "../../../shared/contracts/calibration.ts";
import type { Calibration } from "../../../shared/contracts/spec-detectors.ts";
import { type CliBench, cliBench } from "../testing/cli-bench.ts";
import { putSpec } from "../testing/publish.ts";
import { spec } from "../testing/samples.ts";
import { calibrationText, checkText } from "../words/calibration.ts";

const evidence: Calibration = {
  detector: "drift",
  budget: "1 per 180d",
  threshold: 2.915,
  method: "seasonal block bootstrap",
  replicates: 62,
  from: "2024-01-01T00:00:00Z",
  to: "2025-06-01T00:00:00Z",
  measured: 0.4967,
  calibrated_at: "2025-06-02T00:00:00Z",
  code_version: "test",
};

function report(over: Partial<CalibrationReport["forecasters"][number]>): CalibrationReport {
  return CalibrationReport.parse({
    ...{
      mode: "calibrate",
      applied: false,
      trial: false,
      code_version: "test",
      seconds: 1.5,
      notes: ["a note"],
    },
    forecasters: [
      {
        ...{ forecaster: "eurusd-7d", budget: "1 per 90d", written: null, checked: [] },
        detectors: [
          {
            ...{ detector: "performance", verdict: "insufficient", reason: "10 days\u001b[31m of history" },
            ...{ setting: "trigger.performance.threshold", now: 0.15 },
          },
          {
            ...{ detector: "drift", verdict: "calibrated", setting: "trigger.drift.p_value", now: 0.05 },
            ...{
              calibrated: 0.001216,
              evidence,
              history: { from: evidence.from, to: evidence.to, steps: 370 },
            },
          },
        ],
        ...over,
      },
    ],
  });
}

describe("what retune calibrate tells", () => {
  it("is a table of thresholds as they are and as they would be", () => {
    expect(calibrationText(report({}), Number.POSITIVE_INFINITY).split("\n")).toEqual([
      "eurusd-7d: false alarms 1 per 90d",
      "DETECTOR     SETTING     NOW  CALIBRATED  ITS PART    MEASURED  HISTORY  VERDICT",
      "performance  threshold  0.15                                             insufficient: 10 days\ufffd[31m of history",
      "drift        p_value    0.05    0.001216  1 per 180d    0.4967  517 d    calibrated",
      "dry run: --apply writes them into the spec",
      "",
      "in 1.5 s",
      "Note: a note",
    ]);
  });

  it.each([
    [{ revision: 7, file: "/p/eurusd-7d.yaml" }, "written: bucket specs, revision 7; /p/eurusd-7d.yaml"],
    [{ revision: null, file: null }, "nothing changed: the spec has them"],
    [{ revision: 7, file: null, note: "it differed" }, "written: bucket specs, revision 7; it differed"],
  ])("says what was written: %j", (written, told) => {
    expect(calibrationText(report({ written }), 80).split("\n")).toContain(told);
  });

  it("tells the re-check of each stored threshold", () => {
    const checked: CheckedCalibration[] = [
      {
        stored: evidence,
        verdict: "broken",
        in: "force",
        days: 90,
        alarms: 4,
        expected: 0.5,
        p_value: 0.00175,
        threshold: 3.9,
        moved: 0.338,
        recalibrate: true,
      },
    ];
    const lines = checkText(report({ checked }), Number.POSITIVE_INFINITY).split("\n");
    expect(lines[2]).toBe(
      "drift     2025-06-01    90       4       0.5  0.0018  1 per 180d: broken      2.915   3.9  calibrate anew: it would move by +33.8 %",
    );
  });
});

describe("retune calibrate", { timeout: 60_000 }, () => {
  let bench: CliBench;
  beforeAll(async () => {
    bench = await cliBench();
  }, 60_000);
  afterAll(() => bench?.[Symbol.asyncDispose]());

  it("asks the trigger's calibrator in a process of its own", async () => {
    const { code, terminal } = await bench.retune([
      "calibrate",
      "eurusd-7d",
      "--budget",
      "1 per 90d",
      "--json",
    ]);
    expect(terminal.stderr.join("\n")).toContain("eurusd-7d: calibrating drift");
    expect(code).toBe(0);
    const { forecasters } = CalibrationReport.parse(terminal.json());
    expect(forecasters).toMatchObject([
      {
        ...{ forecaster: "eurusd-7d", budget: "1 per 90d", written: null },
        detectors: [
          { detector: "performance", verdict: "insufficient" },
          { detector: "drift", verdict: "insufficient", reason: "nothing it looks at was recorded" },
          { detector: "time", verdict: "not-calibrated" },
        ],
      },
    ]);
  });

  it.each([
    [["nobody"], "retune: no forecaster is called 'nobody'; known: eurusd-30d, eurusd-7d"],
    [
      ["--budget", "often"],
      "retune: the request on stdin: field 'budget': expected a number and a time, such as 1 per 90d",
    ],
  ])("tells once what is wrong with %j", async (args, told) => {
    const { code, terminal } = await bench.retune(["calibrate", ...args]);
    expect(code).toBe(1);
    expect(terminal.stderr).toEqual([told]);
  });

  it("exits 1 when a budget was broken", async () => {
    const id = "eurusd-7d";
    const { trigger } = spec(id);
    const stored = { ...evidence, threshold: 0.3, budget: "1 per 999d", to: "2025-01-01T00:00:00Z" };
    await putSpec(
      bench.context.bus,
      spec(id, { trigger: { ...trigger, calibration: [{ ...stored, detector: "performance" }] } }),
    );
    const { code, terminal } = await bench.retune(["calibrate", "--check"]);
    expect(terminal.text()).toContain("1 per 999d: broken");
    expect(code).toBe(1);
  });

  it("takes no settings to write beside --check, which is a wrong command line", async () => {
    expect((await bench.retune(["calibrate", "--check", "--apply"])).code).toBe(2);
    expect((await bench.retune(["calibrate", "--dry-run", "--apply"])).code).toBe(2);
  });
});

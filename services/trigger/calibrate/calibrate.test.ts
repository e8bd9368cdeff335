import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CalibrationRequest } from "../../../shared/contracts/calibration.ts";
import { INCIDENT_RULE } from "../../../shared/contracts/incidents.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { subjects } from "../../../shared/contracts/subjects.ts";
import { newEvent } from "../../../shared/events.ts";
import { applySpecs, readSpecFiles } from "../../../shared/spec-files.ts";
import { applySpec, context, forecaster, useTrigger } from "../trigger.fixture.ts";
import { HOUR_MS, hourly, recorded, START_MS, seasonal } from "./calibrate.fixture.ts";
import { calibrate } from "./calibrate.ts";

useTrigger();

const HOURS = 34 * 24;
const values = seasonal(11, HOURS, 0.3);
const trigger = hourly({
  mean_shift: { enabled: true, on: "values", recent: "2d", reference: "8d", seasonal: true, threshold: 0.5 },
  false_alarms: "4 per 15d",
}).trigger;

async function spec(parts: Parameters<typeof applySpec>[0] = {}): Promise<ForecasterSpec> {
  return applySpec({ horizon: "1h", step: "1h", season_length: 24, trigger, ...parts });
}

async function observe(of: readonly number[] = values): Promise<void> {
  const { observations } = recorded(of);
  for (let from = 0; from < observations.length; from += 200)
    await context.bus.publishTelemetry(
      "observation",
      `s-${forecaster}`,
      observations.slice(from, from + 200),
      randomUUID(),
    );
}

/** The spec as a person might have written it. */
async function writeFileOf({ series }: Pick<ForecasterSpec, "series">): Promise<string> {
  const path = join(context.dirs.configs, "forecasters", `${forecaster}.yaml`);
  await mkdir(join(context.dirs.configs, "forecasters"), { recursive: true });
  const text = `# Hands off, says Ana.
forecaster: ${forecaster}
series: ${series}
horizon: 1h
step: 1h
season_length: 24
trigger:
  false_alarms: 4 per 15d # agreed on in March
  mean_shift: { enabled: true, on: values, recent: 2d, reference: 8d, seasonal: true, threshold: 0.5 } # by eye
  performance: { enabled: false, recent: 2d, baseline: 10d }
  drift: { enabled: false, recent: 2d, reference: 8d }
  time: { enabled: false }
  evaluate_every: 6h
  cooldown: 2d
`;
  await writeFile(path, text);
  return path;
}

const ask = (request: Partial<CalibrationRequest> = {}, connected?: () => Promise<unknown>) =>
  calibrate(CalibrationRequest.parse(request), {
    dirs: context.dirs,
    version: "test",
    say: () => {},
    connect: async () => {
      await connected?.();
      return { bus: context.bus, drain: async () => {} } as never;
    },
  });
const inBucket = () => context.bus.kv("specs", ForecasterSpec).get(forecaster);

describe("retune calibrate (A-FUT-3)", { timeout: 60_000 }, () => {
  it("shows the threshold and changes nothing unless it is told to", async () => {
    const before = await spec();
    await observe();
    const report = await ask();
    expect(report).toMatchObject({ applied: false, forecasters: [{ forecaster, budget: "4 per 15d" }] });
    const [only] = report.forecasters[0]!.detectors;
    expect(only).toMatchObject({ detector: "mean_shift", verdict: "calibrated", now: 0.5 });
    expect((await inBucket())!.value).toEqual(before);
  });

  it("writes the threshold and its evidence into the bucket and the file, comments kept; twice is once", async () => {
    const path = await writeFileOf(await spec());
    expect(
      await applySpecs(context.bus, await readSpecFiles(join(context.dirs.configs, "forecasters"))),
    ).toEqual([]);
    await observe();
    const [first] = (await ask({ apply: true })).forecasters;
    const [{ calibrated, evidence } = {}] = first!.detectors;
    const stored = await inBucket();
    expect(first!.written).toEqual({ revision: stored!.revision, file: path });
    expect(stored!.value.trigger.mean_shift.threshold).toBe(calibrated);
    expect(stored!.value.trigger.calibration).toEqual([evidence]);

    const text = await readFile(path, "utf8");
    for (const kept of ["# Hands off, says Ana.\n", "# agreed on in March\n", " } # by eye\n"])
      expect(text).toContain(kept);
    expect(text).toContain(`seasonal: true, threshold: ${calibrated} }`);
    expect(
      await applySpecs(context.bus, await readSpecFiles(join(context.dirs.configs, "forecasters"))),
    ).toEqual([]);

    const [second] = (await ask({ apply: true })).forecasters;
    expect(second!.written).toEqual({ revision: null, file: null });
    expect((await inBucket())!.revision).toBe(stored!.revision);
    expect(await readFile(path, "utf8")).toBe(text);
  });

  it("writes it as a trial, beside the threshold in force", async () => {
    await spec();
    await observe();
    const [told] = (await ask({ apply: true, trial: true })).forecasters;
    const { mean_shift } = (await inBucket())!.value.trigger;
    expect(mean_shift).toMatchObject({
      threshold: 0.5,
      trial: { threshold: told!.detectors[0]!.calibrated },
    });
    expect(told!.written).toMatchObject({ file: null });
    const [{ checked } = { checked: [] }] = (await ask({ mode: "check" })).forecasters;
    expect(checked).toMatchObject([{ in: "trial", verdict: "unknown", moved: 0, recalibrate: false }]);
  });

  it("changes neither place when the spec was changed meanwhile, and says so", async () => {
    const before = await spec();
    const path = await writeFileOf(before);
    const text = await readFile(path, "utf8");
    await observe();
    let connections = 0;
    const meanwhile = async () => {
      connections += 1;
      if (connections === 2)
        await context.bus.kv("specs", ForecasterSpec).put(forecaster, { ...before, description: "new" });
    };
    await expect(ask({ apply: true }, meanwhile)).rejects.toThrow(
      `the spec of '${forecaster}' was changed while it was calibrated: nothing was written`,
    );
    expect(connections).toBe(2);
    expect((await inBucket())!.value).toEqual({ ...before, description: "new" });
    expect(await readFile(path, "utf8")).toBe(text);
  });

  it("leaves incidents out of history", async () => {
    await spec();
    await observe(values.map((value, hour) => (hour >= 480 && hour < 528 ? value + 4 : value)));
    const threshold = async () => (await ask()).forecasters[0]!.detectors[0]!.evidence!.threshold;
    const deaf = await threshold();
    const at = (hour: number) => new Date(START_MS + hour * HOUR_MS).toISOString();
    const series = `s-${forecaster}`;
    const data = {
      ...{ incident: "feed", scope: { series }, from: at(480), to: at(528), reason: "feed", by: "ana" },
      ...{ rule: INCIDENT_RULE, about: series, severity: "info", message: "feed", caused_by: [] },
      evidence: { code_version: "test" },
    };
    const type = "dev.retune.alert.raised";
    const event = newEvent({ source: "test", type, subject: series, timeMs: START_MS, data });
    await context.bus.publishEvent(subjects.alert("raised", INCIDENT_RULE, series), event);
    expect(await threshold()).toBeLessThan(0.8 * deaf);
  });

  it("says which budget was broken since, and where the threshold would be now", async () => {
    await spec();
    await observe();
    const [{ detectors } = { detectors: [] }] = (await ask({ apply: true })).forecasters;
    const { evidence } = detectors[0]!;
    const alarm = {
      ...{ detector: "mean_shift", fired: true, reason: "", statistic: 9, threshold: 1 },
      ...{ figures: {}, thresholds: {} },
    };
    for (let day = 1; day <= 40; day += 1) {
      const time = Date.parse(evidence!.to) + day * 24 * HOUR_MS;
      const data = {
        ...{ forecaster, caused_by: [], should_optimize: true, reasons: [], detectors: [alarm] },
        evidence: { code_version: "test" },
      };
      const type = "dev.retune.retrain.evaluated";
      const event = newEvent({ source: "test", type, subject: forecaster, timeMs: time, data });
      await context.bus.publishEvent(subjects.evaluated(forecaster), event);
    }
    const [{ checked } = { checked: [] }] = (await ask({ mode: "check" })).forecasters;
    expect(checked).toMatchObject([{ verdict: "broken", days: 40, alarms: 20, in: "force", moved: 0 }]);
    expect(checked[0]!.expected).toBeCloseTo((40 * 4) / 15, 12);
  });

  it("takes observations from a file, and the spec from the project, without a server", async () => {
    await writeFileOf({ series: "s" });
    const { observations } = recorded(values);
    const file = join(context.dirs.configs, "values.csv");
    await writeFile(
      file,
      `ts,value\n${observations.map((each) => `${each.ts},${each.values.value}`).join("\n")}\n`,
    );
    const refused = () => Promise.reject(new Error("no server"));
    const [told] = (await ask({ file }, refused)).forecasters;
    expect(told!.detectors).toMatchObject([{ verdict: "calibrated", history: { steps: HOURS } }]);
  });

  it.each([
    [{ forecasters: ["nobody"] }, /no forecaster is called 'nobody'; known: f-/],
    [{ from: "2025-02-01T00:00:00Z", to: "2025-01-01T00:00:00Z" }, /expected --from to be earlier/],
    [{ mode: "check", file: "x.csv" }, /--check needs recorded evaluations/],
  ] as const)("refuses %j by name", async (asked, told) => {
    await spec();
    await expect(ask(CalibrationRequest.parse(asked))).rejects.toThrow(told);
  });

  it("refuses a forecaster that is named and has no budget; without a name it is passed over", async () => {
    await spec({ trigger: {} });
    await expect(ask({ forecasters: [forecaster] })).rejects.toThrow(
      `'${forecaster}' has no trigger.false_alarms in its spec`,
    );
    await expect(ask({ forecasters: [forecaster], mode: "check" })).rejects.toThrow(
      "no calibrated threshold",
    );
    expect((await ask()).forecasters).toEqual([]);
    const [told] = (await ask({ budget: "1 per 90d" })).forecasters;
    expect(told!.detectors.map(({ detector, verdict }) => [detector, verdict])).toEqual([
      ["performance", "insufficient"],
      ["drift", "insufficient"],
      ["time", "not-calibrated"],
    ]);
  });
});

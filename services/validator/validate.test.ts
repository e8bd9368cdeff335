import { describe, expect, it } from "vitest";
import { Failed } from "../../shared/contracts/failed.ts";
import type { Candidate, Searched } from "../../shared/contracts/optimizer.ts";
import { parseStepSubject, subjects } from "../../shared/contracts/subjects.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { openSpecs } from "../../shared/specs.ts";
import { validatorConfig } from "./config.ts";
import { Examiner } from "./examiner.ts";
import {
  applySpec,
  findCandidate,
  goLive,
  splitAt,
  storeDataset,
  storeFleet,
  storeModel,
  storeTrained,
  verdictOf,
} from "./validate.fixture.ts";
import { dataset, env, people, useValidator, validator } from "./validator.fixture.ts";

// Timing of forecasts of micro-seconds is not what these tests are about.
const anyTime = { max_time_ratio: 1e6, min_coverage: 0.5 };

const naive: Candidate = {
  context_length: 60,
  num_samples: 50,
  temperature: 1,
  model: "last-value",
  artifact: null,
};
const seasonal: Candidate = { ...naive, model: "seasonal-naive" };

useValidator((context) => storeDataset(context, 120));

/** A candidate's way from `searched` to its verdict. */
async function validate(
  forecaster: string,
  candidate: Candidate,
  data = dataset,
  over: Partial<Searched> = {},
) {
  const { run, sequence } = await findCandidate(people, forecaster, candidate, data, over);
  const { step, event } = await verdictOf(people, forecaster, run);
  return { run, sequence, step, event, report: step === "failed" ? undefined : Validated.parse(event.data) };
}

describe("a candidate against the live config", () => {
  it("is approved when it is better, with every figure of both (A-VAL-1..5, A-VAL-7)", async () => {
    await applySpec(people, "better", { validation: anyTime });
    const revision = await goLive(people, "better", naive, 3);
    const { step, report, sequence } = await validate("better", seasonal);
    expect(step).toBe("approved");
    expect(report).toMatchObject({
      ...{ approved: true, first_deployment: false, champion_revision: revision, caused_by: [sequence] },
      ...{ candidate: seasonal, champion: { ...naive, version: 3 } },
      ...{ search_iterations: 27, optimization_time_seconds: 12.5 },
    });
    const { candidate_metrics: ours, champion_metrics: theirs } = report!;
    expect([ours?.windows, ours?.n]).toEqual([theirs?.windows, theirs?.n]);
    expect(ours!.rmse).toBeLessThan(theirs!.rmse);
    expect(ours!.inference_ms).toBeGreaterThan(0);
    expect(theirs!.inference_ms).toBeGreaterThan(0);
    expect(report?.criteria.map(({ name, passed }) => [name, passed])).toEqual(
      ["improvement", "stability", "inference-time", "coverage", "bias"].map((name) => [name, true]),
    );
    expect(report?.evidence).toMatchObject({
      code_version: "test",
      dataset,
      thresholds: { min_rmse_improvement: 0.05 },
    });
  });

  it("is rejected when it is worse, and told why with figures (A-VAL-1, A-VAL-7)", async () => {
    await applySpec(people, "worse", { validation: anyTime });
    await goLive(people, "worse", seasonal);
    const { step, report } = await validate("worse", naive);
    expect(step).toBe("rejected");
    expect(report?.approved).toBe(false);
    expect(report?.reasons[0]).toMatch(/^RMSE [\d.]+ -> [\d.]+: [\d.]+ % worse, needs 5 % \(or MAPE 3 %/);
  });

  it("is rejected when it is the live config", async () => {
    await applySpec(people, "same", { validation: anyTime });
    await goLive(people, "same", naive, 9);
    const { step, report } = await validate("same", naive);
    expect(step).toBe("rejected");
    expect(report?.reasons).toEqual([
      "the candidate is the live config, version 9: deploying it would change nothing",
    ]);
    expect(report?.candidate_metrics?.rmse).toBe(report?.champion_metrics?.rmse);
  });

  it("is held for a person where the spec says so", async () => {
    await applySpec(people, "held", { validation: { ...anyTime, approval: "manual" } });
    await goLive(people, "held", naive);
    const { step, report } = await validate("held", seasonal);
    expect([step, report?.approved, report?.next_stage]).toEqual(["held", true, "deployment"]);
  });

  it("is put on trial next where the spec asks for a shadow stage and something is live", async () => {
    const stages = ["champion", "nothing"].map(async (live) => {
      const forecaster = `shadow-${live}`;
      await applySpec(people, forecaster, { validation: anyTime, shadow: { enabled: true } });
      if (live === "champion") await goLive(people, forecaster, naive);
      const { step, report } = await validate(forecaster, seasonal);
      return [step, report?.next_stage];
    });
    expect(await Promise.all(stages)).toEqual([
      ["approved", "trial"],
      ["approved", "deployment"],
    ]);
  });

  it("is measured with the real model on both sides", async () => {
    await applySpec(people, "real", { validation: { ...anyTime, min_rmse_improvement: -1 } });
    const artifact = await storeModel(people);
    const bolt: Candidate = { ...naive, model: "chronos-bolt", artifact, num_samples: 100 };
    await goLive(people, "real", { ...bolt, context_length: 30 });
    const { step, report } = await validate("real", bolt);
    expect(step).toBe("approved");
    expect(report?.candidate_metrics?.mase).toBeGreaterThan(0);
    expect(report?.champion_metrics?.rmse).not.toBe(report?.candidate_metrics?.rmse);
  });
});

describe("a candidate of a search that hid the end of the data", () => {
  const split = splitAt(104, 120);

  it("is judged on all of that end, and on nothing else", async () => {
    await applySpec(people, "hidden", { validation: anyTime, search: { backtest: "40d" } });
    await goLive(people, "hidden", naive);
    const { step, report } = await validate("hidden", seasonal, dataset, { split });
    expect(step).toBe("approved");
    expect(report?.candidate_metrics).toMatchObject({ windows: 16, n: 12 * 5 + 4 + 3 + 2 + 1 });
    expect(report?.champion_metrics).toMatchObject({ windows: 16, n: 12 * 5 + 4 + 3 + 2 + 1 });
    expect(report?.evidence).toMatchObject({ backtest: { backtest_steps: 16, search_end: 104 } });
  });

  it("is measured by the very artifact that would go live, against a champion of another family", async () => {
    await applySpec(people, "trained", { validation: anyTime });
    await goLive(people, "trained", naive);
    const params = { context_length: 21, num_samples: 50, temperature: 1 };
    const linear: Candidate = { ...params, model: "linear", artifact: await storeTrained(people, 104) };
    const { step, report } = await validate("trained", linear, dataset, { split });
    expect([step, report?.reasons]).toEqual(["approved", expect.any(Array)]);
    expect(report!.candidate_metrics!.rmse).toBeLessThan(report!.champion_metrics!.rmse / 2);

    await goLive(people, "trained", linear, 2);
    const same = await validate("trained", linear, dataset, { split });
    expect(same.report?.reasons[0]).toMatch(/the candidate is the live config, version 2/);
    const refit = { ...linear, artifact: await storeTrained(people, 90) };
    expect((await validate("trained", refit, dataset, { split })).report?.reasons[0]).toMatch(/^RMSE /);
  });

  it("is another one where only its family's own parameters differ", async () => {
    await applySpec(people, "knobs", { validation: anyTime });
    await goLive(people, "knobs", { ...naive, model_params: { top_k: 5 } });
    const { report } = await validate("knobs", { ...naive, model_params: { top_k: 9 } });
    expect(report?.reasons[0]).toMatch(/^RMSE /);
  });

  it("is judged on every entity of a fleet that is there (C-VAL-1)", async () => {
    await applySpec(people, "fleet", { entities: "all", validation: { ...anyTime, max_abs_bias: 100 } });
    await goLive(people, "fleet", naive);
    const { step, report } = await validate("fleet", seasonal, await storeFleet(people, 120), { split });
    expect([step, report?.reasons]).toEqual(["approved", expect.any(Array)]);
    expect(report?.candidate_metrics).toMatchObject({ windows: 16, n: 3 * (12 * 5 + 4 + 3 + 2 + 1) });
  });

  it("is rejected where the data is not what the search had", async () => {
    await applySpec(people, "other-data");
    const { report } = await validate("other-data", naive, dataset, { split: splitAt(90, 100) });
    expect(report?.reasons[0]).toMatch(/the search hid 10 steps from 90 on, but its dataset has 120/);
  });
});

describe("a first deployment (A-VAL-6)", () => {
  it("is approved and marked, its figures are measured all the same", async () => {
    await applySpec(people, "first");
    const { step, report } = await validate("first", naive);
    expect(step).toBe("approved");
    expect(report).toMatchObject({
      first_deployment: true,
      champion: null,
      champion_revision: 0,
      champion_metrics: null,
    });
    expect(report?.reasons[0]).toBe("first deployment: nothing is live to beat");
    expect(report?.candidate_metrics?.n).toBe(40);
  });
});

describe("a backtest that fails (A-VAL-6)", () => {
  const missing = `sha256-${"0".repeat(64)}`;

  it.each<[string, Candidate, () => string, RegExp]>([
    [
      "a model that is not stored",
      { ...naive, model: "chronos-bolt", artifact: missing },
      () => dataset,
      /candidate's backtest failed: its model file: artifact sha256-0+ is not in the object store/,
    ],
    [
      "data that is not stored",
      naive,
      () => missing,
      /the search's data: artifact sha256-0+ is not in the object store/,
    ],
    [
      "a family without its file",
      { ...naive, model: "chronos-bolt" },
      () => dataset,
      /candidate's backtest failed: .*needs a model file/,
    ],
  ])("rejects with the error: %s", async (_, candidate, data, expected) => {
    await applySpec(people, "unlucky");
    const { step, report } = await validate("unlucky", candidate, data());
    expect(step).toBe("rejected");
    expect(report).toMatchObject({ approved: false, candidate_metrics: null, criteria: [] });
    expect(report?.reasons[0]).toMatch(expected);
  });

  it("rejects with the error: data too short for the windows", async () => {
    await applySpec(people, "brief");
    const { report } = await validate("brief", naive, await storeDataset(people, 12));
    expect(report?.reasons[0]).toMatch(/candidate's backtest failed: a series of 12 points is too short/);
  });

  it("names the champion where that is the one that fails", async () => {
    await applySpec(people, "relic");
    await goLive(people, "relic", { ...naive, model: "chronos-bolt", artifact: missing });
    const { step, report } = await validate("relic", seasonal);
    expect([step, report?.champion_revision]).toEqual(["rejected", expect.any(Number)]);
    expect(report?.reasons[0]).toMatch(/champion's backtest failed: its model file/);
  });
});

describe("a run that cannot be judged", () => {
  it("fails when its forecaster has no spec, after it was waited for", async () => {
    const { step, event } = await validate("nobody", naive);
    expect(step).toBe("failed");
    expect(Failed.parse(event.data)).toMatchObject({
      ...{ stage: "validation", will_retry: false },
      cause: "no spec of forecaster 'nobody' is applied",
    });
  });
});

describe("a searched event that comes again", () => {
  it("gets no second verdict, even if the champion has changed since", async () => {
    await applySpec(people, "again", { validation: anyTime });
    await goLive(people, "again", naive);
    const { run, event, step } = await validate("again", seasonal);
    expect(step).toBe("approved");
    await goLive(people, "again", seasonal, 2);

    const message = await people.bus.lastMessage("DECISIONS", subjects.step("searched", "again", run));
    const specs = await openSpecs(validator);
    const examiner = new Examiner(validator, validatorConfig(env), specs);
    await examiner.handle(message!);
    await examiner.stop();
    specs.stop();

    const steps: unknown[] = [];
    for await (const { subject } of people.bus.read("DECISIONS", { filter: `retrain.*.again.${run}` })) {
      steps.push(parseStepSubject(subject)?.step);
    }
    expect(steps).toEqual(["searched", "approved"]);
    expect((await verdictOf(people, "again", run)).event.id).toBe(event.id);
  });
});

import { describe, expect, it } from "vitest";
import { observationsOf } from "./observations.ts";
import { standingOf, windowPlan } from "./standing.ts";
import { searchCutoffs } from "./state.ts";
import { studyOf, wholeSearch, windowOf } from "./study.fixture.ts";
import { rowsOf } from "./table.ts";

const space = {
  context_length: { min: 8, max: 400, log: true },
  num_samples: [10],
  temperature: { min: 0.5, max: 2 },
};

describe("what a sampler learns from a trial that was given up on", () => {
  const { study, results, standing } = wholeSearch(
    studyOf({ sampler: "tpe", trials: 24, space, prune: "race" }),
    () => 0,
  );
  const observations = observationsOf(standing, rowsOf(study, standing));

  /** What the trial would have come to on every window. */
  const truth = (number: number) => {
    const { trial } = standing.flatMap(({ trials }) => trials)[number]!;
    const losses = searchCutoffs(study).map((cutoff) => windowOf(trial, cutoff).loss);
    return Math.sqrt(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
  };

  it("is close to what it would have come to, though its windows were easier or harder than the others", () => {
    const pruned = standing.flatMap(({ trials }) => trials).filter(({ status }) => status === "pruned");
    expect(pruned.length).toBeGreaterThan(5);
    for (const { trial, row } of pruned) {
      const estimate = observations[trial.number]!.objective!;
      const [off, raw] = [estimate, row!.objective!].map((each) => Math.abs(each - truth(trial.number)));
      expect(off! / truth(trial.number)).toBeLessThan(0.06);
      expect(off).toBeLessThanOrEqual(raw! + 0.05 * truth(trial.number));
    }
  });

  it("leaves the best one a trial that saw every window", () => {
    const best = Math.min(...observations.map(({ objective }) => objective!));
    const leader = observations.find(({ objective }) => objective === best)!;
    expect(standing.flatMap(({ trials }) => trials)[leader.number]!.status).toBe("complete");
  });

  it("is nothing before its generation is complete", () => {
    const first = [...results].slice(0, 2);
    expect(observationsOf(standingOf(study, new Map(first)), [])).toEqual([]);
    expect(windowPlan(study).rungs.length).toBeGreaterThan(1);
  });
});

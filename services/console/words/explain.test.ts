import { describe, expect, it } from "vitest";
import { detector, evaluatedEvent, metrics, RunScript, trial } from "../testing/samples.ts";
import { explain } from "./explain.ts";

const ID = "eurusd-7d";
const all = (run: RunScript, causes: Parameters<typeof explain>[1] = []) => {
  const { headline, sections, tone } = explain(run.folded(), causes);
  return {
    headline,
    tone,
    titles: sections.map((each) => each.title),
    text: sections.flatMap((each) => each.lines).join("\n"),
  };
};

describe("explain, from a run's events alone", () => {
  it("tells a rejected run: detector figures and thresholds, trials, every criterion, the end", () => {
    const evaluated = evaluatedEvent(ID, [
      detector(),
      detector({
        detector: "drift",
        fired: null,
        severity: undefined,
        reason: "5 points of 8 needed",
        figures: {},
        thresholds: {},
      }),
    ]);
    const causes = [{ sequence: 7, subject: `retrain.evaluated.${ID}`, payload: evaluated }];
    const { headline, titles, text } = all(
      new RunScript(ID, "a").accepted({}, [7]).searched().verdict("rejected"),
      causes,
    );
    expect(headline).toBe("eurusd-7d: rejected: RMSE improved 0.4 %, needed 5 %.");
    expect(titles).toEqual([
      "Why it ran · 2025-03-03 · [10]",
      "What was tried · 2025-03-03 00:01:00 UTC · [11]",
      "The verdict · 2025-03-03 00:02:00 UTC · [12]",
      "The end",
    ]);
    expect(text).toContain("A trigger fired.");
    expect(text).toContain(
      "Performance fired (medium): RMSE of the last 14 d is 31 % above that of the 60 d before; rmse recent 0.0105, rmse baseline 0.008 against threshold 0.15. [7]",
    );
    expect(text).toContain("Drift could not tell: 5 points of 8 needed. [7]");
    expect(text).toContain("Grid search, 3 trials in 5.7 s.");
    expect(text).toContain("with RMSE 0.0079 (the next best had 0.0083)");
    expect(text).toContain("1 trial failed, the first with: the worker ran out of memory.");
    expect(text).toContain(
      "Last value had RMSE 0.0078 on the same windows; the candidate does not beat it (+1.3 %).",
    );
    expect(text).toContain(
      "FAIL improvement: RMSE improved 0.4 %, needed 5 % (value 0.004, limit >= 5 % RMSE or >= 3 % MAPE).",
    );
    expect(text).toContain("pass coverage:");
    expect(text).toContain("The run ended as rejected after 2 min.");
  });

  it("tells a first deployment that was verified", () => {
    const run = new RunScript(ID, "a")
      .accepted({ cause: "first-deployment", reasons: [] })
      .searched()
      .verdict("approved", { first_deployment: true, champion: null, champion_metrics: null })
      .deployed(1)
      .verified(1);
    const { headline, text, tone } = all(run);
    expect(headline).toBe("eurusd-7d: verified: version 1 held through 60 checks, none failed.");
    expect(tone).toBe("good");
    expect(text).toContain("There was no live config yet, so the first one had to be found.");
    expect(text).toContain("Approved as the first deployment: there is nothing live to beat.");
    expect(text).toContain("It is the first version.");
    expect(text).toContain("No backup was needed; git commit 4f0c2a1b9d.");
    expect(text).toContain("Version 1 was watched for 1 h");
  });

  it("tells a roll-back with the checks that led to it", () => {
    const { text, tone } = all(
      new RunScript(ID, "a").accepted().searched().verdict("approved").trialled().deployed(2).rolledBack(2),
    );
    expect(tone).toBe("bad");
    expect(text).toContain(
      "Shadow trial ended: promote the challenger, RMSE 0.0078 against the champion's 0.0085 on 24 pairs.",
    );
    expect(text).toContain("The watch took version 2 back: 3 checks in a row failed");
    expect(text).toContain("failed, score, rmse ratio 4.1.");
    expect(text).toContain("Version 3 is live again");
  });

  it("says what a run that is not over waits for", () => {
    expect(all(new RunScript(ID, "a").accepted()).text).toContain(
      "The run is not over: it waits for the search.",
    );
    const held = all(new RunScript(ID, "a").accepted().searched().verdict("held"));
    expect(held.text).toContain("it waits for a person: retune approve.");
    expect(held.tone).toBe("attention");
  });

  it("names the person who decided on a held run", () => {
    const evidence = { code_version: "test", decided_by: "ana", note: "too close to call" };
    const run = new RunScript(ID, "a")
      .accepted()
      .searched()
      .verdict("held")
      .verdict("rejected", { evidence, criteria: [] });
    expect(all(run).headline).toBe("eurusd-7d: rejected by ana: too close to call.");
    expect(all(run).text).toContain("Decided by ana: too close to call.");
  });

  it("tells refused and failed runs, and a fall-back", () => {
    expect(all(new RunScript(ID, "a").refused()).text).toContain(
      "Refused: the last run ended 3 d ago, the cool-down is 14 d.",
    );
    expect(all(new RunScript(ID, "a").accepted().failed()).text).toContain(
      "Failed in search: no trial gave a forecast.",
    );
    const fell = new RunScript(ID, "a")
      .accepted()
      .searched({ fell_back: true, sampler: "random", trials: [trial(0, 0.008)], metrics: metrics(0.008) });
    expect(all(fell).text).toContain("it fell back to the cheaper half of the space");
  });

  it("says which data break the contract instead of failing on them", () => {
    const run = new RunScript(ID, "a").accepted({ cause: "weather" as "manual" }).folded();
    const { sections } = explain(run, [
      { sequence: 1, subject: `retrain.evaluated.${ID}`, payload: "nonsense" },
    ]);
    expect(sections[0]?.lines).toEqual(["Accepted (its data break the contract)."]);
  });

  it("takes control characters out of what others wrote", () => {
    const { text } = all(
      new RunScript(ID, "a").accepted({ cause: "manual", requested_by: "eve\u001b[2J", reasons: ["\u0007"] }),
    );
    expect(text).toContain("Eve\ufffd[2J asked for it.");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point
    expect(text.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f]/);
  });
});

import { describe, expect, it } from "vitest";
import { detector, evaluatedEvent, liveConfig, RunScript, spec } from "../testing/samples.ts";
import { at, ID, known, message, tell } from "./projection.fixture.ts";
import { Projection } from "./projection.ts";

describe("the console's projection", () => {
  it("folds steps into runs and says each once, however often it is read", () => {
    const projection = known();
    const script = new RunScript(ID, "a").accepted().searched().verdict("rejected");
    tell(projection, script);
    const { version } = projection;
    tell(projection, script);
    expect(projection.version).toBe(version);
    const { runs, log, top } = projection.snapshot();
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ run_id: script.run, state: "rejected", terminal: true, sequence: 1 });
    expect(runs[0]?.steps.map((step) => step.step)).toEqual(["accepted", "searched", "rejected"]);
    expect(runs[0]?.steps[2]?.text).toBe("rejected: RMSE improved 0.4 %, needed 5 %");
    expect(log.map((line) => line.sequence)).toEqual([1, 2, 3]);
    expect(top.counts).toMatchObject({ runs: 1, rejected: 1, deployments: 0 });
  });

  it("names the newest step and the command that explains it", () => {
    const projection = known();
    const script = new RunScript(ID, "a").accepted().searched();
    tell(projection, script);
    const { top } = projection.snapshot();
    expect(top.sentence).toMatch(/^eurusd-7d: searched: 3 trials in 5\.7 s/);
    expect(top.next_command).toBe(`npm run -s retune -- why ${script.run.slice(-8)}`);
  });

  it.each([
    ["no forecaster", (_: Projection) => {}, "No forecaster is known yet", "provision"],
    [
      "no observation",
      (p: Projection) => p.spec(ID, spec(ID)),
      "One forecaster waits for observations.",
      "telemetry.observation.eurusd",
    ],
    [
      "calm",
      (p: Projection) => {
        p.spec(ID, spec(ID));
        p.telemetry(message("telemetry.observation.eurusd", 1, { ts: at(0), values: { rate: 1 } }));
      },
      "All is calm",
      `request ${ID}`,
    ],
    [
      "a held run",
      (p: Projection) => {
        p.spec(ID, spec(ID));
        tell(p, new RunScript(ID, "a").accepted().searched().verdict("held"));
      },
      "waits for your approval",
      "approve ",
    ],
  ])("has a sentence and a next command for %s", (_, arrange, words, command) => {
    const projection = new Projection();
    arrange(projection);
    const { top } = projection.snapshot();
    expect(top.sentence).toContain(words);
    expect(top.next_command).toContain(command);
  });

  it.each([
    ["waiting for data", (_: Projection) => {}],
    ["searching", (p: Projection) => tell(p, new RunScript(ID, "a").accepted())],
    ["being validated", (p: Projection) => tell(p, new RunScript(ID, "a").accepted().searched())],
    [
      "waiting for approval",
      (p: Projection) => tell(p, new RunScript(ID, "a").accepted().searched().verdict("held")),
    ],
    [
      "deploying",
      (p: Projection) => tell(p, new RunScript(ID, "a").accepted().searched().verdict("approved")),
    ],
    [
      "live, on watch",
      (p: Projection) =>
        tell(p, new RunScript(ID, "a").accepted().searched().verdict("approved").deployed(1)),
    ],
    ["live", (p: Projection) => p.live(ID, liveConfig(ID, 1, new RunScript(ID, "a").run), 4)],
    ["disabled", (p: Projection) => p.spec(ID, spec(ID, { enabled: false }))],
  ])("calls a forecaster '%s'", (state, arrange) => {
    const projection = known();
    arrange(projection);
    expect(projection.forecasterView(ID)?.state).toBe(state);
  });

  it("keeps evaluations on the card; the log tells only one that fires after a calm one", () => {
    const projection = known();
    [false, true, true, false, true].forEach((fired, i) => {
      const event = evaluatedEvent(ID, [detector({ fired }), detector({ detector: "drift", fired: null })]);
      projection.decision(message(`retrain.evaluated.${ID}`, i + 1, event));
    });
    expect(projection.snapshot().log.map((line) => line.sequence)).toEqual([2, 5]);
    expect(projection.forecasterView(ID)?.evaluation).toMatchObject({
      sequence: 5,
      should_optimize: true,
      text: "performance fired, drift cannot tell",
    });
    expect(projection.counters.evaluations).toBe(5);
  });

  it("keeps refusals, requests and echoing alerts out of the headline", () => {
    const projection = known();
    tell(projection, new RunScript(ID, "a").accepted().searched().verdict("rejected"));
    tell(projection, new RunScript(ID, "b").refused(), 4);
    projection.decision(message("retrain.request", 5, {}));
    expect(projection.snapshot().top.sentence).toBe("eurusd-7d: rejected: RMSE improved 0.4 %, needed 5 %.");
  });

  it("takes its time from events alone, never from a request or from what breaks the envelope", () => {
    const projection = known();
    const event = evaluatedEvent(ID, [detector()]);
    const request = (time: string) => ({ forecaster: ID, time });
    projection.decision(message("retrain.request", 1, request("noon")));
    projection.decision(message(`retrain.evaluated.${ID}`, 2, { ...event, time: "noon" }));
    expect(projection.snapshot().top.time).toBeNull();
    projection.decision(message(`retrain.evaluated.${ID}`, 3, { ...event, time: at(1) }));
    projection.decision(message("retrain.request", 4, request(at(9))));
    projection.decision(message(`retrain.evaluated.${ID}`, 5, { time: at(9), data: event.data }));
    const { top, log } = projection.snapshot();
    expect(top.time).toBe(at(1));
    expect(log.map(({ time }) => time)).not.toContain("noon");
  });

  it.each([
    ["data without what every step carries", (event: object) => ({ ...event, data: {} })],
    ["no envelope", ({ data }: { data: object }) => ({ data })],
    ["a time that is none", (event: object) => ({ ...event, time: "noon" })],
    ["no payload that is JSON", () => undefined],
  ])("shows a step with %s, and folds it into no run", (_, damage) => {
    const projection = known();
    const script = new RunScript(ID, "a").accepted();
    const { subject, event } = script.events[0]!;
    projection.decision(message(subject, 1, damage(event)));
    const { runs, log, top } = projection.snapshot();
    expect(runs).toEqual([]);
    expect(top.counts.runs).toBe(0);
    expect(log.map(({ text }) => text)).toEqual(["accepted (its data break the contract)"]);
  });

  it("shows a search's progress until it is over, and never a late word of an older run", () => {
    const projection = known();
    const script = new RunScript(ID, "a").accepted();
    tell(projection, script);
    const progress = {
      run_id: script.run,
      forecaster: ID,
      phase: "search",
      done: 3,
      total: 27,
      best_rmse: 0.008,
      time: at(0),
    };
    projection.progress(progress);
    projection.progress({ ...progress, run_id: new RunScript(ID, "old").run, done: 26 });
    expect(projection.forecasterView(ID)?.progress).toMatchObject({ done: 3, total: 27 });
    projection.progress({ nonsense: true });
    tell(projection, new RunScript(ID, "a").accepted().searched(), 1);
    expect(projection.forecasterView(ID)?.progress).toBeNull();
  });

  it("shows nothing of a forecaster before its spec, and all that was known after it", () => {
    const projection = new Projection();
    tell(projection, new RunScript(ID, "a").accepted().searched());
    expect(projection.snapshot().forecasters).toEqual([]);
    projection.spec(ID, spec(ID));
    expect(projection.snapshot().forecasters[0]).toMatchObject({
      id: ID,
      state: "being validated",
      backtest: { rmse: 0.0079, last_value_rmse: 0.0078 },
    });
    projection.spec(ID, undefined);
    expect(projection.snapshot().forecasters).toEqual([]);
  });

  it("puts forecasters in the order of their horizons", () => {
    const projection = new Projection();
    for (const horizon of ["90d", "15d", "7d"])
      projection.spec(`eurusd-${horizon}`, spec(`eurusd-${horizon}`, { horizon }));
    expect(projection.snapshot().forecasters.map((each) => each.id)).toEqual([
      "eurusd-7d",
      "eurusd-15d",
      "eurusd-90d",
    ]);
  });

  it("patches a reader with what changed since, and with nothing else", () => {
    const projection = known();
    projection.spec("eurusd-30d", spec("eurusd-30d", { horizon: "30d" }));
    tell(projection, new RunScript("eurusd-30d", "a").accepted());
    const { version } = projection;
    tell(projection, new RunScript(ID, "b").accepted(), 2);
    const patch = projection.patchSince(version);
    expect(patch.forecasters?.map((each) => each.id)).toEqual([ID]);
    expect(patch.runs?.map((each) => each.forecaster)).toEqual([ID]);
    expect(patch.log?.map((line) => line.sequence)).toEqual([2]);
    expect(Object.keys(projection.patchSince(projection.version))).toEqual(["top"]);
  });

  it("lets the demo speak while it runs, and events after it is over", () => {
    const projection = known();
    tell(projection, new RunScript(ID, "a").accepted());
    projection.demoStatus({
      virtual_time: at(100),
      sentence: "The demo begins.",
      next_command: "look",
      progress: 0.2,
    });
    expect(projection.snapshot().top).toMatchObject({
      sentence: "The demo begins.",
      next_command: "look",
      demo: { virtual_time: at(100), progress: 0.2 },
    });
    projection.demoStatus({
      virtual_time: at(200),
      sentence: "That was it.",
      next_command: "why",
      progress: 1,
    });
    expect(projection.snapshot().top.sentence).toBe("That was it.");
    tell(projection, new RunScript(ID, "b").accepted(), 2);
    expect(projection.snapshot().top.sentence).toContain("accepted because a trigger fired");
  });

  it("keeps 500 runs, and counts those it let go", () => {
    const projection = known();
    for (let i = 0; i < 600; i += 1) tell(projection, new RunScript(ID, `run ${i}`).refused(), i + 1);
    const open = new RunScript(ID, "open").accepted();
    tell(projection, open, 700);
    expect(projection.runs.size).toBe(500);
    expect(projection.runs.get(open.run)).toBeDefined();
    expect(projection.runs.outcomes.get(`${ID} refused`)?.count).toBe(600);
    expect(projection.snapshot().runs.map((run) => run.state)).toEqual([
      "accepted",
      ...Array(2).fill("refused"),
    ]);
    expect(projection.snapshot().log).toHaveLength(150);
  });
});

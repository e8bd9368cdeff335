import { describe, expect, it } from "vitest";
import { detector, evaluatedEvent, liveConfig, RunScript, START_MS, spec } from "../testing/samples.ts";
import { Projection } from "./projection.ts";

const ID = "eurusd-7d";
const DAY_MS = 86_400_000;
const at = (day: number) => new Date(START_MS + day * DAY_MS).toISOString();

function message(subject: string, sequence: number, payload: unknown) {
  return { subject, sequence, time: new Date(START_MS), json: () => payload };
}

function tell(projection: Projection, script: RunScript, first = 1): void {
  script.events.forEach(({ subject, event }, i) => {
    projection.decision(message(subject, first + i, event));
  });
}

function known(): Projection {
  const projection = new Projection();
  projection.spec(ID, spec(ID));
  return projection;
}

function prediction(step: number, over: object = {}) {
  return {
    issued_at: at(9),
    target_ts: at(9 + step),
    step,
    mean: 1.1,
    lower: 1,
    upper: 1.2,
    known_entity: true,
    model_version: "v1",
    latency_ms: 5,
    ...over,
  };
}

function score(day: number, error: number, over: object = {}) {
  return {
    issued_at: at(day - 1),
    target_ts: at(day),
    step: 1,
    error,
    abs_pct_error: 1,
    in_interval: true,
    model_version: "v1",
    naive_error: 2,
    ...over,
  };
}

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

  it("draws the observations of its metric, and the newest forecast of the champion", () => {
    const projection = known();
    projection.telemetry(
      message("telemetry.observation.eurusd", 1, [
        { ts: at(1), values: { rate: 1.11 } },
        { ts: at(0), values: { rate: 1.1 } },
        { ts: at(2), values: { volume: 7 } },
        { ts: at(2), entity: "other", values: { rate: 9 } },
        { ts: "soon", values: { rate: 1 } },
      ]),
    );
    projection.telemetry(
      message(
        `telemetry.prediction.${ID}`,
        2,
        [1, 2, 5].map((step) => prediction(step)),
      ),
    );
    projection.telemetry(
      message(`telemetry.prediction.${ID}`, 3, prediction(1, { mean: 7, variant: "challenger" })),
    );
    projection.telemetry(
      message(
        `telemetry.prediction.${ID}`,
        4,
        prediction(1, { issued_at: at(8), target_ts: at(9), mean: 3 }),
      ),
    );
    const chart = projection.forecasterView(ID)!.chart;
    expect(chart.truth.v).toEqual([1.1, 1.11]);
    expect(chart.forecast).toMatchObject({
      issued_at: at(9),
      mean: [1.1, 1.1, 1.1],
      lower: [1, 1, 1],
      upper: [1.2, 1.2, 1.2],
    });
    expect(chart.one_step.v).toEqual([3, 1.1]);
    expect(projection.counters.invalid).toBe(1);
  });

  it("compares with last value on the same pairs, counting each score once and no challenger", () => {
    const projection = known();
    const scores = [
      score(1, 1),
      score(1, 1),
      score(2, 3),
      score(3, 100, { variant: "challenger" }),
      score(4, 5, { naive_error: undefined }),
    ];
    projection.telemetry(message(`telemetry.score.${ID}`, 1, scores));
    const { accuracy } = projection.forecasterView(ID)!;
    expect(accuracy).toMatchObject({
      n: 3,
      targets: 3,
      last_value_rmse: 2,
      verdict: "does not beat last value (+11.8 %)",
    });
    expect(accuracy?.rmse).toBeCloseTo(Math.sqrt(35 / 3), 12);
  });

  it("compares with both baselines, each on the scores that carry its error (issue 2)", () => {
    const projection = known();
    const scores = [
      score(1, 1, { seasonal_naive_error: -2 }),
      score(2, 1, { seasonal_naive_error: 2 }),
      score(3, 4, { naive_error: undefined }),
      score(4, 3),
    ];
    projection.telemetry(message(`telemetry.score.${ID}`, 1, scores));
    expect(projection.forecasterView(ID)?.accuracy).toMatchObject({
      n: 4,
      last_value_rmse: 2,
      seasonal_naive_rmse: 2,
      beats_baselines: true,
      verdict: "beats last value by 4.3 % and seasonal naive by 50 %",
    });
  });

  it("leaves scores of incidents out of the comparison", () => {
    const projection = known();
    const scores = [score(1, 1), score(2, 100, { in_incident: true })];
    projection.telemetry(message(`telemetry.score.${ID}`, 1, scores));
    expect(projection.forecasterView(ID)?.accuracy).toMatchObject({ n: 1, targets: 1, rmse: 1 });
  });

  it("forgets targets beyond the newest 60", () => {
    const projection = known();
    projection.telemetry(message(`telemetry.score.${ID}`, 1, [score(0, 1000)]));
    projection.telemetry(
      message(
        `telemetry.score.${ID}`,
        2,
        Array.from({ length: 60 }, (_, day) => score(day + 1, 1)),
      ),
    );
    expect(projection.forecasterView(ID)?.accuracy).toMatchObject({
      targets: 60,
      n: 60,
      rmse: 1,
    });
  });

  it("ignores telemetry of forecasters and series it does not know, before reading it", () => {
    const projection = known();
    const unread = {
      subject: "telemetry.score.stranger",
      sequence: 1,
      time: new Date(0),
      json: () => {
        throw new Error("was read");
      },
    };
    projection.telemetry(unread);
    projection.telemetry({ ...unread, subject: "telemetry.observation.stranger" });
    expect(projection.counters.invalid).toBe(0);
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

describe("a forecaster of a fleet on the page (C-OPS-1)", () => {
  it("shows how many entities there are, how many the model knows, and who is forecast worst", () => {
    const projection = new Projection();
    projection.spec(ID, { ...spec(ID), entities: "all" });
    const { series } = spec(ID);
    const telemetry = (kind: string, id: string, sequence: number, records: object[]) =>
      projection.telemetry(message(`telemetry.${kind}.${id}`, sequence, records));
    const fleet = ["a", "b", "c", "d"];
    telemetry("observation", series, 1, [
      ...fleet.map((entity) => ({ ts: at(1), entity, values: { rate: 7 } })),
      { ts: at(2), values: { rate: 9 } },
    ]);
    for (let day = 2; day < 12; day += 1)
      telemetry(
        "score",
        ID,
        day,
        fleet.map((entity, i) => score(day, i, { entity })),
      );
    telemetry("prediction", ID, 20, [
      prediction(1, { entity: "a" }),
      prediction(1, { entity: "b", mean: 5 }),
    ]);
    const heartbeat = { instance: "i", status: "ok", live_revision: 1, model_version: "v1", rss_mb: 1 };
    const rest = { latency_ms_p50: 1, failures: 0, loaded_at: at(0), fleet: { entities: 4, known: 3 } };
    telemetry("health", ID, 21, [{ ...heartbeat, ...rest }]);
    const [view] = projection.snapshot().forecasters;
    expect(view!.fleet).toMatchObject({ entities: 4, known: 3 });
    expect(view!.fleet!.worst.map(({ entity, versus_last_value }) => [entity, versus_last_value])).toEqual([
      ["d", expect.closeTo(1.5)],
      ["c", 1],
      ["b", 0.5],
    ]);
    expect(view!.notes[0]).toMatchObject({ kind: "fleet", title: "the chart shows a" });
    expect(view!.notes[0]!.text).toMatch(
      /^4 entities, 1 of them unknown to the model; largest errors: d \(MAE 3, 1\.5 times/,
    );
    expect(view!.accuracy).toMatchObject({ n: 40 });
    expect(view!.chart.truth.v).toEqual([7]);
    expect(view!.chart.forecast!.mean).toEqual([1.1]);
  });
});

describe("heartbeats", () => {
  it("of instances that have ended are forgotten, of slow ones kept", () => {
    const projection = new Projection();
    projection.spec(ID, spec(ID));
    const beat = (instance: string, second: number) => {
      const health = { instance, status: "ok", live_revision: 1, model_version: "v1", rss_mb: 1 };
      const record = { ...health, latency_ms_p50: 1, failures: 0, loaded_at: at(0) };
      const time = new Date(START_MS + second * 1_000);
      projection.telemetry({ ...message(`telemetry.health.${ID}`, second, record), time });
    };
    for (const second of [0, 5, 10]) beat("killed", second);
    for (const second of [1, 61, 121]) beat("slow", second);
    beat("heir", 240);
    expect(projection.snapshot().forecasters[0]!.health).toMatchObject({ status: "ok", instances: 2 });
  });
});

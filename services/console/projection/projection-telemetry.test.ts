import { describe, expect, it } from "vitest";
import { START_MS, spec } from "../testing/samples.ts";
import { at, ID, known, message, prediction, score } from "./projection.fixture.ts";
import { Projection } from "./projection.ts";

describe("the console's projection of telemetry", () => {
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

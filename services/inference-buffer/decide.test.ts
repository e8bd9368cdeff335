import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { day, prediction } from "./buffer.fixture.ts";
import { observe, predict, release, type Scored, scoreSeen } from "./decide.ts";
import { incidentsByForecaster, type Ledger, newLedger } from "./state.ts";

function ledger(...specs: Partial<ForecasterSpec>[]): Ledger {
  const all = specs.length === 0 ? [{}] : specs;
  const made = newLedger(
    all.map((each) => ForecasterSpec.parse({ forecaster: "usd-7d", series: "usd", horizon: "7d", ...each })),
  );
  made.holding = false;
  return made;
}

const seen = (state: Ledger, n: number, value: number, entity?: string): readonly Scored[] =>
  observe(state, "usd", { ts: day(n), ...(entity === undefined ? {} : { entity }), values: { value } })
    .scored;

const flat = (scored: readonly Scored[]) => scored.flatMap(({ scores }) => scores);

describe("the ledger, when the truth of a prediction arrives", () => {
  it("scores it once: forecast minus actual, percent, interval, naive baseline", () => {
    const state = ledger();
    seen(state, 0, 100);
    expect(predict(state, "usd-7d", prediction(0, 1, 103))).toEqual([]);
    expect(seen(state, 1, 104)).toEqual([
      {
        forecaster: "usd-7d",
        scores: [
          {
            issued_at: day(0),
            target_ts: day(1),
            step: 1,
            error: -1,
            abs_pct_error: 100 / 104,
            in_interval: true,
            model_version: "v1",
            naive_error: -4,
            mean: 103,
            actual: 104,
          },
        ],
      },
    ]);
    expect(seen(state, 1, 104)).toEqual([]);
    expect(predict(state, "usd-7d", prediction(0, 1, 103))).toEqual([]);
    expect(state.pending).toBe(0);
  });

  for (const [behaviour, actual, mean, expected] of [
    ["has no percentage for an actual of 0", 0, 0.5, { error: 0.5, abs_pct_error: null, in_interval: true }],
    [
      "takes the percentage of a negative actual as positive",
      -4,
      -3,
      { error: 1, abs_pct_error: 25, in_interval: true },
    ],
    ["counts the bounds of the interval as inside", 5, 4, { error: -1, in_interval: true }],
    ["sees a value outside of the interval", 5.5, 4, { error: -1.5, in_interval: false }],
  ] as const) {
    it(behaviour, () => {
      const state = ledger();
      predict(state, "usd-7d", prediction(0, 1, mean));
      const [score] = flat(seen(state, 1, actual));
      expect(score).toMatchObject(expected);
      expect(score).not.toHaveProperty("naive_error");
    });
  }

  it("gives one message for each forecaster and variant", () => {
    const state = ledger({}, { forecaster: "usd-30d", horizon: "30d" });
    predict(state, "usd-7d", prediction(1, 3, 1));
    predict(state, "usd-7d", prediction(0, 3, 2));
    predict(state, "usd-7d", prediction(1, 3, 3, { variant: "challenger", model_version: "v2" }));
    predict(state, "usd-30d", prediction(0, 3, 4));
    const scored = seen(state, 3, 0);
    expect(scored.map(({ forecaster, scores }) => [forecaster, scores.map(({ error }) => error)])).toEqual([
      ["usd-7d", [2, 1]],
      ["usd-7d", [3]],
      ["usd-30d", [4]],
    ]);
  });

  it("scores a prediction that comes after its truth", () => {
    const state = ledger();
    seen(state, 1, 10);
    expect(flat(predict(state, "usd-7d", prediction(0, 1, 12)))).toMatchObject([{ error: 2 }]);
  });

  it("joins by entity, the spec's where the prediction names none", () => {
    const state = ledger({ entity: "CLP" });
    predict(state, "usd-7d", prediction(0, 1, 1));
    predict(state, "usd-7d", prediction(0, 1, 2, { entity: "EUR" }));
    expect(seen(state, 1, 9)).toEqual([]);
    expect(flat(seen(state, 1, 0, "EUR"))).toMatchObject([{ entity: "EUR", error: 2 }]);
    expect(flat(seen(state, 1, 0, "CLP"))).toMatchObject([{ error: 1 }]);
  });

  it("joins the predictions of a fleet by entity, each with a baseline of its own (C-VAL-1)", () => {
    const state = ledger({ entities: "all", season_length: 2, step: "1d" });
    for (const [entity, level] of [
      ["a", 10],
      ["b", 500],
    ] as const) {
      for (const n of [0, 1, 2]) seen(state, n, level + n, entity);
      predict(state, "usd-7d", prediction(2, 3, level + 4, { entity }));
    }
    expect(flat(seen(state, 3, 503, "b"))).toMatchObject([
      { entity: "b", error: 1, naive_error: -1, seasonal_naive_error: -2 },
    ]);
    expect(flat(seen(state, 3, 10, "a"))).toMatchObject([{ entity: "a", error: 4, naive_error: 2 }]);
    expect(seen(state, 3, 7)).toEqual([]);
    expect(state.pending).toBe(0);
  });

  it("takes observations out of order", () => {
    const state = ledger();
    predict(state, "usd-7d", prediction(0, 2, 5));
    seen(state, 5, 1);
    seen(state, 0, 3);
    expect(flat(seen(state, 2, 4))).toMatchObject([{ error: 1, naive_error: -1 }]);
  });

  it("tells a duplicate from a correction, which lets scores stand", () => {
    const state = ledger();
    const observation = { ts: day(1), values: { value: 4 } };
    predict(state, "usd-7d", prediction(0, 1, 5));
    expect(observe(state, "usd", observation)).toMatchObject({
      duplicate: false,
      scored: [{ forecaster: "usd-7d" }],
    });
    expect(observe(state, "usd", observation)).toEqual({ duplicate: true, scored: [] });
    expect(observe(state, "usd", { ts: day(1), values: { value: 6 } })).toEqual({
      duplicate: false,
      scored: [],
    });
    expect(flat(predict(state, "usd-7d", prediction(0, 1, 5, { model_version: "v2" })))).toMatchObject([
      { error: -1 },
    ]);
    expect(observe(state, "usd", { ts: day(1), values: { value: 6, other: 1 } }).duplicate).toBe(false);
    expect(observe(state, "nobody-forecasts", observation).duplicate).toBe(false);
  });

  it("drops a prediction as missing 30 days past its target", () => {
    const state = ledger();
    predict(state, "usd-7d", prediction(0, 1, 1));
    seen(state, 2, 1);
    expect([state.pending, state.missing]).toEqual([1, 0]);
    seen(state, 32, 1);
    expect([state.pending, state.missing]).toEqual([0, 1]);
    expect(predict(state, "usd-7d", prediction(0, 1, 1))).toEqual([]);
    expect(state.missing).toBe(2);
  });

  it("drops what waits for an entity that is silent once its series is 30 days further", () => {
    const state = ledger({ entities: "all" });
    seen(state, 0, 1, "silent");
    predict(state, "usd-7d", prediction(0, 1, 1, { entity: "silent" }));
    predict(state, "usd-7d", prediction(0, 1, 1, { entity: "never-seen" }));
    predict(state, "usd-7d", prediction(0, 0, 1, { entity: "silent" }));
    expect([state.pending, state.scored]).toEqual([2, 1]);
    for (let n = 0; n < 40; n++) {
      seen(state, n, n, "alive");
      predict(state, "usd-7d", prediction(n, n + 1, n, { entity: "alive" }));
    }
    expect([state.pending, state.missing]).toEqual([1, 2]);
    expect(state.targets.get("usd-7d")!.waiting).toBe(1);
    expect(state.lines.get("usd")!.get("value")!.get("silent")!.scored.size).toBe(0);
    expect(predict(state, "usd-7d", prediction(0, 0, 1, { entity: "silent" }))).toEqual([]);
    expect(state.missing).toBe(3);
  });

  it("scores a forecaster that has few waiting while another has filled the ledger", () => {
    const state = ledger({}, { forecaster: "usd-30d", horizon: "30d" });
    state.pending = 1_000_000;
    state.targets.get("usd-30d")!.waiting = 1_000_000;
    predict(state, "usd-30d", prediction(0, 1, 1));
    predict(state, "usd-7d", prediction(0, 1, 1));
    expect(seen(state, 1, 0).map(({ forecaster }) => forecaster)).toEqual(["usd-7d"]);
    expect([state.pending, state.missing]).toEqual([1_000_000, 1]);
  });

  it("keeps memory bounded while years of observations pass", () => {
    const state = ledger();
    for (let n = 0; n < 3000; n++) {
      seen(state, n, n);
      predict(state, "usd-7d", prediction(n, n + 1, n));
    }
    const line = state.lines.get("usd")?.get("value")?.get("");
    expect(line!.times.length).toBeLessThan(60);
    expect(line!.scored.size).toBeLessThan(40);
    expect(state.points).toBe(line!.times.length);
    expect(state.pending).toBe(1);
  });

  it("gives no score out twice over a restart: it holds until the past is read", () => {
    const state = ledger();
    state.holding = true;
    predict(state, "usd-7d", prediction(0, 1, 1));
    predict(state, "usd-7d", prediction(0, 2, 2));
    expect([...seen(state, 1, 0), ...seen(state, 2, 0)]).toEqual([]);
    scoreSeen(state, "usd-7d", {
      issued_at: day(0),
      target_ts: day(1),
      step: 1,
      error: 1,
      abs_pct_error: null,
      in_interval: true,
      model_version: "v1",
    });
    expect(flat(release(state))).toMatchObject([{ target_ts: day(2), error: 2 }]);
    expect(release(state)).toEqual([]);
  });

  it("gives the mean pinball loss over the quantiles that are levels", () => {
    const state = ledger();
    const quantiles = { "0.1": 8, "0.5": 10, "0.9": 14, "1": 99, mean: 10 };
    predict(state, "usd-7d", prediction(0, 1, 10, { quantiles }));
    const [score] = flat(seen(state, 1, 12));
    expect(score!.pinball).toBeCloseTo((0.1 * 4 + 0.5 * 2 + 0.1 * 2) / 3, 12);
    predict(state, "usd-7d", prediction(0, 1, 10, { quantiles: { "1.5": 3 }, model_version: "v2" }));
    expect(flat(release(state))).toEqual([]);
    expect(
      flat(predict(state, "usd-7d", prediction(0, 1, 9, { model_version: "v3" })))[0],
    ).not.toHaveProperty("pinball");
  });

  it("marks scores whose issue or target lies in an incident of the forecaster or its series", () => {
    const specs = [
      ForecasterSpec.parse({ forecaster: "usd-7d", series: "usd", horizon: "7d" }),
      ForecasterSpec.parse({ forecaster: "usd-30d", series: "usd", horizon: "30d" }),
    ];
    const facts = { reason: "feed broken", by: "ana", events: [] };
    const incidents = [
      { incident: "a", scope: { series: "usd" }, from: day(2), to: day(3), ...facts },
      { incident: "b", scope: { forecaster: "usd-30d" }, from: day(5), to: null, ...facts },
    ];
    const state = newLedger(specs, incidents);
    state.holding = false;
    const marked = (issued: number, target: number) => {
      for (const { forecaster } of specs) predict(state, forecaster, prediction(issued, target, 1));
      return flat(seen(state, target, 1)).map((score) => score.in_incident ?? false);
    };
    expect(marked(0, 1)).toEqual([false, false]);
    expect(marked(1, 2)).toEqual([true, true]);
    expect(marked(2, 3)).toEqual([true, true]);
    expect(marked(3, 4)).toEqual([false, false]);
    expect(marked(4, 5)).toEqual([false, true]);
    state.incidents = incidentsByForecaster(specs, []);
    expect(marked(5, 6)).toEqual([false, false]);
  });

  it("leaves alone what no spec knows", () => {
    const state = ledger();
    expect(predict(state, "stranger", prediction(0, 1, 1))).toEqual([]);
    expect(state.pending).toBe(0);
  });
});

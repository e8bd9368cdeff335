import { describe, expect, it } from "vitest";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import { evaluate } from "../decide.ts";
import { ago, NOW_MS, noise, scoreAt, situationOf, specWith } from "../judgement/situation.fixture.ts";
import { initialMonitor, MonitorState } from "../state.ts";
import { type Batch, foldObservations, foldScores } from "./monitor.ts";
import { PANEL_SIZE } from "./panel.ts";

const fleetSpec = (trigger: Parameters<typeof specWith>[0] = {}) =>
  specWith({ time: { enabled: false }, ...trigger }, { entities: "all" });
const names = Array.from({ length: 20 }, (_, i) => `server-${i}`);

/** Daily scores of every entity, one message a day. */
function scoresOf(days: number, error: (entity: number, age: number) => number): Batch<Score>[] {
  return Array.from({ length: days }, (_, i) => {
    const age = days - 1 - i;
    const records = names.map((entity, k) => scoreAt(age, { entity, error: error(k, age) }));
    return { sequence: i + 1, latestMs: NOW_MS, records };
  });
}

function observationsOf(days: number): Batch<Observation>[] {
  return Array.from({ length: days }, (_, i) => ({
    sequence: 1_000 + i,
    latestMs: NOW_MS,
    records: names.map((entity, k) => ({
      ts: ago(days - 1 - i),
      entity,
      values: { value: 10 * k + noise(i, k) },
    })),
  }));
}

const empty = initialMonitor("a");
const judged = (spec: ForecasterSpec, monitor: MonitorState) =>
  evaluate(situationOf(spec, monitor, { live: true })).report;

describe("the monitor of a fleet", () => {
  it("counts the steps that it observes, whenever in a step its entities report", () => {
    const spec = specWith({}, { entities: "all", step: "1m", horizon: "10m" });
    const records = Array.from({ length: 60 * names.length }, (_, i) => ({
      ts: new Date(NOW_MS - 3_600_000 + i * 3_000).toISOString(),
      entity: names[i % names.length]!,
      values: { value: i },
    }));
    const { observed } = foldObservations(empty, [{ sequence: 1, latestMs: NOW_MS, records }], spec);
    expect(observed).toBe(60);
  });

  it("sums the scores of all entities, and keeps the points of eight, each by itself", () => {
    const spec = fleetSpec();
    const state = foldScores(
      empty,
      scoresOf(30, (k) => k),
      spec,
    );
    expect(state.buckets.map(({ n }) => n)).toEqual(Array(30).fill(20));
    expect(state.errors).toEqual([]);
    expect(Object.keys(state.panel)).toHaveLength(PANEL_SIZE);
    for (const [entity, { errors }] of Object.entries(state.panel)) {
      const own = names.indexOf(entity);
      expect(errors.map(([, error]) => error)).toEqual(Array(30).fill(own));
    }
    expect(MonitorState.parse(JSON.parse(JSON.stringify(state)))).toEqual(state);
  });

  it("comes to the same in any order, and counts the steps of the fleet, not its observations", () => {
    const spec = fleetSpec();
    const batches = observationsOf(20);
    const forwards = foldObservations(empty, batches, spec);
    const backwards = batches
      .toReversed()
      .map((batch) => ({ ...batch, records: batch.records.toReversed() }))
      .reduce((state, batch) => foldObservations(state, [batch], spec), empty);
    expect(backwards.panel).toEqual(forwards.panel);
    expect(forwards.observed).toBe(20);
  });

  it("leaves out observations and points of nobody, and those that another spec looks at", () => {
    const record = { ts: ago(1), values: { value: 1 } };
    const state = foldObservations(
      empty,
      [{ sequence: 1, latestMs: NOW_MS, records: [record] }],
      fleetSpec(),
    );
    expect(state.panel).toEqual({});
    expect(state.observed).toBe(0);
  });

  it("stays bounded for ten thousand entities", () => {
    const records = Array.from({ length: 10_000 }, (_, k) =>
      Array.from({ length: 3 }, (_, age) => scoreAt(age, { entity: `e${k}`, error: 1 })),
    ).flat();
    const state = foldScores(empty, [{ sequence: 1, latestMs: NOW_MS, records }], fleetSpec());
    expect(Object.keys(state.panel)).toHaveLength(PANEL_SIZE);
    expect(JSON.stringify(state).length).toBeLessThan(10_000);
  });
});

describe("detectors of a fleet", () => {
  it("find a fleet that has become worse by all its scores (A-TRG-1)", () => {
    const spec = fleetSpec({ drift: { enabled: false } });
    const monitor = foldScores(
      empty,
      scoresOf(60, (k, age) => (age < 14 ? 3 : 1) * (1 + k)),
      spec,
    );
    const { detectors, should_optimize } = judged(spec, monitor);
    expect(detectors[0]).toMatchObject({ detector: "performance", fired: true });
    expect(detectors[0]!.figures).toMatchObject({ scores_recent: 14 * 20, scores_baseline: 60 * 20 });
    expect(should_optimize).toBe(true);
  });

  it("test its entities one by one: one that has drifted is named, and levels that differ are no drift (A-TRG-2)", () => {
    const spec = fleetSpec({ performance: { enabled: false } });
    const calm = foldScores(
      empty,
      scoresOf(80, (k, age) => 100 * k + noise(age, k)),
      spec,
    );
    expect(judged(spec, calm).detectors[0]).toMatchObject({ detector: "drift", fired: false });
    const [drifted] = Object.keys(calm.panel);
    const moved = foldScores(
      empty,
      scoresOf(80, (k, age) => 100 * k + noise(age, k) + (names[k] === drifted && age < 14 ? 5 : 0)),
      spec,
    );
    const report = judged(spec, moved);
    expect(report.detectors[0]).toMatchObject({ fired: true, figures: { sample: `errors of ${drifted}` } });
    expect(report.false_discovery).toMatchObject({ rate: 0.05, tests: PANEL_SIZE, found: 1 });
  });

  it("hold chance down: of 40 fleets that did not change no more drift than p_value lets expect", () => {
    const spec = fleetSpec({ performance: { enabled: false }, drift: { min_severity: "low" } });
    const alarms = Array.from({ length: 40 }, (_, seed) => {
      const batches = scoresOf(80, (k, age) => noise(age, 1_000 * seed + k));
      return judged(spec, foldScores(empty, batches, spec)).detectors[0]!.fired;
    }).filter(Boolean);
    expect(alarms.length).toBeLessThanOrEqual(5);
  });

  it("follow each entity's stream, too", () => {
    const spec = fleetSpec({
      performance: { enabled: false },
      drift: { enabled: false },
      page_hinkley: { enabled: true },
    });
    const monitor = foldScores(
      empty,
      scoresOf(60, (k, age) => noise(age, k) + (age < 20 ? 4 : 0)),
      spec,
    );
    expect(judged(spec, monitor).detectors[0]).toMatchObject({ detector: "page_hinkley", fired: true });
  });
});

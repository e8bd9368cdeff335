import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Observation, Score } from "../../shared/contracts/telemetry.ts";
import { evaluate } from "./decide.ts";
import { memoryOf, remember } from "./judgement/remember.ts";
import { ago, NOW_MS, noise, scoreAt, situationOf, specWith } from "./judgement/situation.fixture.ts";
import { type Batch, foldObservations, foldScores, streamRange } from "./monitor/monitor.ts";
import { Refolding } from "./refolding.ts";
import { reproduce } from "./reproduce.ts";
import { initialMonitor, MonitorState } from "./state.ts";

const everything = Object.fromEntries(
  [
    "psi",
    "wasserstein",
    "mean_shift",
    "page_hinkley",
    "adwin",
    "fleet",
    "unknown_rate",
    "model_age",
    "crossing",
  ].map((name) => [name, { enabled: true }]),
);
const spec = specWith({
  ...everything,
  performance: { metric: "mape", trial: { metric: "mase", baseline: "30d" } },
  drift: { on: "values", trial: { on: "errors" } },
  also_watch: [{ metric: "cpu" }],
  false_discovery: {},
});
const DAYS = 90;
const latestMs = NOW_MS;

/** A message of scores and one of observations a day; odd sequences are scores. */
const scores = Array.from({ length: DAYS }, (_, i): Batch<Score> => {
  const records = [1, 2, 3].map((step) =>
    scoreAt(DAYS - 1 - i, {
      step,
      error: noise(3 * i + step) * (1 + i / DAYS),
      abs_pct_error: Math.abs(noise(i, step)),
    }),
  );
  return { sequence: 2 * i + 1, latestMs, records };
});
const observations = Array.from({ length: DAYS }, (_, i): Batch<Observation> => {
  const records = [{ ts: ago(DAYS - 1 - i), values: { value: noise(i, 7), cpu: noise(i, 8) } }];
  return { sequence: 2 * i + 2, latestMs, records };
});

type Delivery = { kind: "scores"; batch: Batch<Score> } | { kind: "observations"; batch: Batch<Observation> };

/** Takes messages in as they are delivered, evaluating after every seventh, as a process does. */
function lived(deliveries: readonly Delivery[]) {
  let monitor = initialMonitor("a");
  const receipts = [];
  for (const [i, { kind, batch }] of deliveries.entries()) {
    monitor =
      kind === "scores" ? foldScores(monitor, [batch], spec) : foldObservations(monitor, [batch], spec);
    // What is in KV is JSON, and another process may go on from it.
    monitor = MonitorState.parse(JSON.parse(JSON.stringify(monitor)));
    if (i % 13 !== 12) continue;
    const situation = situationOf(spec, monitor, { last_optimized_at: ago(100), ...memoryOf(monitor) });
    const { report, failures } = evaluate(situation);
    expect(failures).toEqual([]);
    receipts.push({ report, inputs: situation.inputs, nowMs: situation.nowMs, stream: streamRange(monitor) });
    monitor = remember(monitor, report, situation);
  }
  return { receipts, late: monitor.late };
}

function again({ receipts, late: unreported }: ReturnType<typeof lived>) {
  const telemetry = new Refolding({ scores, observations });
  return receipts.map(({ inputs, nowMs, stream }, i) => {
    const late = { scores: [...unreported.scores], observations: [...unreported.observations] };
    for (const later of receipts.slice(i + 1)) {
      late.scores.push(...later.stream.late.scores);
      late.observations.push(...later.stream.late.observations);
    }
    return reproduce({ spec, inputs, nowMs, stream, late }, telemetry);
  });
}

const inOrder: Delivery[] = scores.flatMap((batch, i) => [
  { kind: "scores", batch },
  { kind: "observations", batch: observations[i]! },
]);

describe("an evaluation made again from its receipt and the recorded telemetry", () => {
  it("is the one that was published, to the last bit", () => {
    const life = lived(inOrder);
    const { receipts } = life;
    expect(receipts).toHaveLength(Math.floor((2 * DAYS) / 13));
    expect(receipts.at(-1)!.report.detectors.filter(({ fired }) => fired !== null).length).toBeGreaterThan(6);
    expect(again(life)).toEqual(receipts.map(({ report }) => report));
  });

  it("is the same where messages were late, came twice or out of order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2 * DAYS - 1), fc.integer({ min: 1, max: 40 })), { maxLength: 25 }),
        (moves) => {
          const deliveries = [...inOrder];
          for (const [from, by] of moves) {
            const [moved] = deliveries.splice(from, 1);
            deliveries.splice(from + by, 0, moved!, moved!);
          }
          const life = lived(deliveries);
          expect(again(life)).toEqual(life.receipts.map(({ report }) => report));
        },
      ),
      { numRuns: 12, examples: [[[[166, 9]]]] },
    );
  });

  it("names what it was summed by before, where the spec's windows have changed since", () => {
    const other = specWith({ performance: { baseline: "90d" } });
    const before = foldScores(initialMonitor("a"), scores.slice(0, 40), spec);
    const after = foldScores(before, scores.slice(40), other);
    expect(streamRange(before).relaid).toBe(null);
    expect(streamRange(after).relaid).toEqual({ scores: scores[39]!.sequence, observations: 0 });
  });

  it("does not mix the values of two metrics", () => {
    const before = foldObservations(initialMonitor("a"), observations.slice(0, 40), spec);
    const cpu = specWith({}, { metric: "cpu" });
    const after = foldObservations(before, observations.slice(40), cpu);
    expect(after.observed).toBe(50);
    expect(after.values.map(([, value]) => value)).toEqual(
      observations.slice(40).map(({ records }) => records[0]!.values.cpu),
    );
  });
});

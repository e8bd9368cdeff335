import { durationMs } from "../../../shared/contracts/duration.ts";
import type { Hyperparameters } from "../../../shared/contracts/live-config.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Step } from "../../../shared/contracts/subjects.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import type { Accepted } from "../../../shared/contracts/trigger.ts";
import type { Points } from "../../../shared/forecasting/context.ts";
import type { Batch } from "../monitor/monitor.ts";
import { arrivalsOf, type RecordedReceipt, receiptsOf, recordedArrivals } from "./arrivals.ts";
import type { Course } from "./course.ts";
import type { Laboratory } from "./laboratory.ts";
import type { Arrival, AskedFor, RunOutcome, World } from "./play.ts";
import { askedFor, medianSeconds, type RecordedRun, recordedRuns } from "./recorded-runs.ts";
import type { Recording } from "./recording.ts";

/** What of a recording every world needs, read once. */
export interface RecordedFacts {
  readonly runs: readonly RecordedRun[];
  readonly receipts: readonly RecordedReceipt[];
  readonly requests: readonly AskedFor[];
  /** Time of the newest event. */
  readonly endMs: number;
}

export const NOTHING_RECORDED: RecordedFacts = {
  runs: [],
  receipts: [],
  requests: [],
  endMs: Number.NEGATIVE_INFINITY,
};

export function factsOf(recording: Recording): RecordedFacts {
  const { events } = recording;
  return {
    runs: recordedRuns(events),
    receipts: receiptsOf(recording),
    requests: askedFor(recording),
    endMs: events.reduce(
      (newest, { event }) => Math.max(newest, Date.parse(event.time)),
      Number.NEGATIVE_INFINITY,
    ),
  };
}

/** Telemetry as it was served then, whatever a policy would have served; runs have the outcomes they had. */
export class RecordedWorld implements World {
  readonly live: boolean;
  readonly requests: World["requests"];
  readonly endMs: number;
  /** Recorded runs that this policy has not had so far. */
  readonly unmatched: Set<RecordedRun>;
  private readonly recording: Recording;
  private readonly spec: ForecasterSpec;
  private readonly seconds: number | null;
  private readonly receipts: readonly RecordedReceipt[];

  constructor(recording: Recording, facts: RecordedFacts, spec: ForecasterSpec) {
    this.recording = recording;
    this.spec = spec;
    this.live = isLiveFromTheStart(recording, facts);
    this.unmatched = new Set(facts.runs);
    this.seconds = medianSeconds(facts.runs);
    this.receipts = facts.receipts;
    this.requests = facts.requests;
    this.endMs = facts.endMs;
  }

  async *arrivals(): AsyncGenerator<Arrival> {
    yield* recordedArrivals(this.recording, this.receipts, this.spec);
  }

  /**
   * The recorded run of the same cause, if there is one not further away than the next evaluation. Of any other one
   * nobody knows what it would have come to: it is taken to be over at once, and to have put a first config live.
   */
  async run(atMs: number, accepted: Accepted): Promise<RunOutcome> {
    const near = durationMs(this.spec.trigger.evaluate_every);
    const match = [...this.unmatched].find(
      (each) => each.accepted.cause === accepted.cause && Math.abs(each.atMs - atMs) <= near,
    );
    if (match === undefined) {
      const first = accepted.cause === "first-deployment" ? (["deployed"] as const) : [];
      const steps = (["searched", ...first, "verified"] as const).map((step) => ({ step, atMs }));
      return { outcome: null, steps, seconds: this.seconds };
    }
    this.unmatched.delete(match);
    return { outcome: match.outcome, steps: match.steps, seconds: match.seconds };
  }

  inputsAt(atMs: number) {
    return recordedInputs(this.receipts, atMs);
  }
}

/** Forecasts and searches made again for one policy. Keeps the scores of what it would have served. */
export class LaboratoryWorld implements World {
  readonly live: boolean;
  readonly requests: World["requests"];
  readonly endMs = Number.NEGATIVE_INFINITY;
  readonly scores: Score[] = [];
  private readonly spec: ForecasterSpec;
  private readonly points: Points;
  private readonly laboratory: Laboratory;
  private readonly course: Course;
  private readonly receipts: readonly RecordedReceipt[];
  private served: Hyperparameters | null;

  constructor(parts: {
    spec: ForecasterSpec;
    points: Points;
    laboratory: Laboratory;
    served: Hyperparameters | null;
    facts: RecordedFacts;
  }) {
    this.spec = parts.spec;
    this.points = parts.points;
    this.laboratory = parts.laboratory;
    this.receipts = parts.facts.receipts;
    this.course = parts.laboratory.course();
    this.served = parts.served;
    this.live = parts.served !== null;
    this.requests = parts.facts.requests;
  }

  async *arrivals(): AsyncGenerator<Arrival> {
    const { metric, entity } = this.spec;
    const messages = this.points.times.map((atMs, i) => ({
      atMs,
      observation: batch<Observation>(2 * i + 1, atMs, [
        {
          ts: new Date(atMs).toISOString(),
          ...(entity === undefined ? {} : { entity }),
          values: { [metric]: this.points.values[i]! },
        },
      ]),
    }));
    let fromMs = Number.NEGATIVE_INFINITY;
    for (const { atMs, observations } of arrivalsOf(messages, this.spec)) {
      const scores = await this.course.advance(fromMs, atMs, this.served);
      this.scores.push(...scores);
      fromMs = atMs;
      const sequence = (observations.at(-1)?.sequence ?? 1) + 1;
      yield { atMs, observations, scores: scores.length === 0 ? [] : [batch(sequence, atMs, scores)] };
    }
  }

  async run(atMs: number): Promise<RunOutcome> {
    const { served, outcome, seconds } = await this.laboratory.search(atMs, this.served);
    this.served = served;
    const steps: readonly Step[] =
      outcome === "deployed"
        ? ["searched", "deployed", "verified"]
        : outcome === "rejected"
          ? ["searched", outcome]
          : [outcome];
    return { outcome, seconds, steps: steps.map((step) => ({ step, atMs })) };
  }

  inputsAt(atMs: number) {
    return recordedInputs(this.receipts, atMs);
  }
}

/** Scores without a first deployment mean that it lies before what was recorded. */
function isLiveFromTheStart({ scores }: Recording, { runs }: RecordedFacts): boolean {
  return scores.length > 0 && !runs.some(({ accepted }) => accepted.cause === "first-deployment");
}

/** Incidents as they are known by now, so that a late one counts; the fleet as the last receipt before has it. */
function recordedInputs(receipts: readonly RecordedReceipt[], atMs: number) {
  const before = receipts.findLast((each) => each.nowMs <= atMs);
  return { left_out: receipts.at(-1)?.inputs.left_out ?? [], fleet: before?.inputs.fleet ?? null };
}

function batch<T>(sequence: number, latestMs: number, records: readonly T[]): Batch<T> {
  return { sequence, records, latestMs };
}

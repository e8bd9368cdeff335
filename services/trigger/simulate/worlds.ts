import { durationMs } from "../../../shared/contracts/duration.ts";
import type { Hyperparameters } from "../../../shared/contracts/live-config.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import { type Accepted, type Evaluated, EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import type { Points } from "../../../shared/forecasting/context.ts";
import type { Batch } from "../monitor.ts";
import type { Course } from "./course.ts";
import type { Laboratory } from "./laboratory.ts";
import { type Arrival, arrivalsOf, type RunOutcome, type World } from "./play.ts";
import { medianSeconds, type RecordedRun } from "./recorded-runs.ts";
import type { Recording } from "./recording.ts";

/** Telemetry as it was served then, whatever a policy would have served; runs have the outcomes they had. */
export class RecordedWorld implements World {
  readonly live: boolean;
  readonly requests: World["requests"];
  /** Recorded runs that this policy has not had so far. */
  readonly unmatched: Set<RecordedRun>;
  private readonly recording: Recording;
  private readonly spec: ForecasterSpec;
  private readonly seconds: number | null;
  private readonly receipts: readonly Receipt[];

  /** @param runs in the time that is looked at, ascending */
  constructor(recording: Recording, spec: ForecasterSpec, runs: readonly RecordedRun[], live: boolean) {
    this.recording = recording;
    this.spec = spec;
    this.live = live;
    this.unmatched = new Set(runs);
    this.seconds = medianSeconds(runs);
    this.receipts = receiptsOf(recording);
    this.requests = runs
      .filter(({ accepted }) => accepted.cause === "manual")
      .map(({ atMs, accepted }) => ({ atMs, by: accepted.requested_by }));
  }

  async *arrivals(): AsyncGenerator<Arrival> {
    yield* arrivalsOf(inOrder(this.recording), this.spec);
  }

  /** The recorded run of the same cause, if there is one not further away than the next evaluation. */
  async run(atMs: number, accepted: Accepted): Promise<RunOutcome> {
    const near = durationMs(this.spec.trigger.evaluate_every);
    const match = [...this.unmatched].find(
      (each) => each.accepted.cause === accepted.cause && Math.abs(each.atMs - atMs) <= near,
    );
    if (match === undefined) return { outcome: null, live: true, deployed: false, seconds: this.seconds };
    this.unmatched.delete(match);
    const deployed = match.deployedMs !== null;
    return { outcome: match.outcome, live: deployed || this.live, deployed, seconds: match.seconds };
  }

  inputsAt(atMs: number) {
    return recordedInputs(this.receipts, atMs);
  }
}

/** Forecasts and searches made again for one policy. Keeps the scores of what it would have served. */
export class LaboratoryWorld implements World {
  readonly live: boolean;
  readonly requests: World["requests"];
  readonly scores: Score[] = [];
  private readonly spec: ForecasterSpec;
  private readonly points: Points;
  private readonly laboratory: Laboratory;
  private readonly course: Course;
  private readonly receipts: readonly Receipt[];
  private served: Hyperparameters | null;

  constructor(parts: {
    spec: ForecasterSpec;
    points: Points;
    laboratory: Laboratory;
    served: Hyperparameters | null;
    requests: World["requests"];
    recording: Recording | undefined;
  }) {
    this.spec = parts.spec;
    this.points = parts.points;
    this.laboratory = parts.laboratory;
    this.receipts = parts.recording === undefined ? [] : receiptsOf(parts.recording);
    this.course = parts.laboratory.course();
    this.served = parts.served;
    this.live = parts.served !== null;
    this.requests = parts.requests;
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
    return { outcome, seconds, live: served !== null, deployed: outcome === "deployed" };
  }

  inputsAt(atMs: number) {
    return recordedInputs(this.receipts, atMs);
  }
}

interface Receipt {
  readonly atMs: number;
  readonly inputs: EvaluationInputs;
}

function receiptsOf({ events }: Recording): Receipt[] {
  return events.flatMap(({ subject, event }) => {
    if (!subject.startsWith("retrain.evaluated.")) return [];
    const { evidence } = event.data as Evaluated;
    const inputs = EvaluationInputs.safeParse(evidence.inputs ?? {});
    return inputs.success ? [{ atMs: Date.parse(event.time), inputs: inputs.data }] : [];
  });
}

/** Incidents as they are known by now, so that a late one counts; the fleet as the last receipt before has it. */
function recordedInputs(receipts: readonly Receipt[], atMs: number) {
  const before = receipts.findLast((each) => each.atMs <= atMs);
  return { left_out: receipts.at(-1)?.inputs.left_out ?? [], fleet: before?.inputs.fleet ?? null };
}

function batch<T>(sequence: number, latestMs: number, records: readonly T[]): Batch<T> {
  return { sequence, records, latestMs };
}

/** Messages of both kinds in the order of the stream, each at the time of its newest record. */
function* inOrder({ observations, scores }: Recording) {
  let o = 0;
  let s = 0;
  while (o < observations.length || s < scores.length) {
    const observation = observations[o];
    const score = scores[s];
    if (score === undefined || (observation !== undefined && observation.sequence < score.sequence)) {
      o += 1;
      yield { atMs: newest(observation!.records.map(({ ts }) => ts)), observation: observation! };
    } else {
      s += 1;
      yield { atMs: newest(score.records.map(({ target_ts }) => target_ts)), score };
    }
  }
}

function newest(times: readonly string[]): number {
  return times.reduce((latest, each) => Math.max(latest, Date.parse(each)), Number.NEGATIVE_INFINITY);
}

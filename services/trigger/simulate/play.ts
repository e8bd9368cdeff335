import { durationMs } from "../../../shared/contracts/duration.ts";
import type { CloudEvent, Evidence, StepData } from "../../../shared/contracts/envelope.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { type Step, subjects } from "../../../shared/contracts/subjects.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import type { Accepted, Evaluated, EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import { median } from "../../../shared/statistics/sample.ts";
import { decideEvaluated, decideRequests, decideTick } from "../arbiter.ts";
import { evaluate, isDue } from "../decide.ts";
import { foldStep } from "../following.ts";
import { type Batch, newestMs, readObservations, readScores } from "../monitor.ts";
import { memoryOf, remember } from "../remember.ts";
import { type ArbiterState, initialArbiter, initialMonitor, type MonitorState } from "../state.ts";
import { nextLook } from "../timetable.ts";
import type { Decision, Verdict } from "../verdict.ts";

/** A stretch of telemetry that arrives together, at the event time of its newest record. */
export interface Arrival {
  readonly atMs: number;
  readonly observations: readonly Batch<Observation>[];
  readonly scores: readonly Batch<Score>[];
}

/** What a run did in this world, at once: the next evaluation finds it over. */
export interface RunOutcome {
  /** null: nobody knows */
  readonly outcome: string | null;
  readonly live: boolean;
  /** Whether it put another config live. */
  readonly deployed: boolean;
  readonly seconds: number | null;
}

/** Everything around the decisions: recorded, or made again. */
export interface World {
  /** Whether something is served before the first arrival. */
  readonly live: boolean;
  arrivals(): AsyncIterable<Arrival>;
  /** Requests of people, by event time, ascending. */
  readonly requests: readonly { readonly atMs: number; readonly by: string | undefined }[];
  run(atMs: number, accepted: Accepted): Promise<RunOutcome>;
  /** What detectors are told from outside. */
  inputsAt(atMs: number): Pick<EvaluationInputs, "left_out" | "fleet">;
}

/** What was decided, in order. */
export interface Played {
  readonly evaluations: readonly {
    readonly atMs: number;
    readonly alarm: boolean;
    readonly insufficient: boolean;
  }[];
  readonly refused: readonly { readonly atMs: number; readonly reason: string }[];
  readonly runs: readonly (RunOutcome & { readonly atMs: number; readonly accepted: Accepted })[];
}

const EVIDENCE: Evidence = { code_version: "simulated" };

/**
 * Lets the trigger's very functions decide about one forecaster on a virtual clock, which stands at the newest
 * telemetry. A scheduled time and the end of a wait are met on the instant.
 */
export async function play(spec: ForecasterSpec, world: World): Promise<Played> {
  const player = new Player(spec, world);
  for await (const arrival of world.arrivals()) {
    await player.passTo(arrival.atMs);
    await player.take(arrival);
  }
  return player.played;
}

class Player {
  readonly played: { [K in keyof Played]: Played[K][number][] } = { evaluations: [], refused: [], runs: [] };
  private readonly spec: ForecasterSpec;
  private readonly world: World;
  private monitor: MonitorState;
  private arbiter: ArbiterState;
  private live: boolean;
  private deployment: EvaluationInputs["deployment"] = null;
  private sequence = 0;
  private asked = 0;

  constructor(spec: ForecasterSpec, world: World) {
    this.spec = spec;
    this.world = world;
    this.live = world.live;
    this.monitor = initialMonitor(spec.forecaster);
    this.arbiter = initialArbiter(spec.forecaster);
  }

  /** Deals with everything that is due by the clock or asked by people up to `toMs`. */
  async passTo(toMs: number): Promise<void> {
    for (;;) {
      const request = this.world.requests[this.asked];
      const look = nextLook(this.arbiter, this.spec, toMs) ?? Number.POSITIVE_INFINITY;
      if (request !== undefined && request.atMs <= Math.min(look, toMs)) {
        this.asked += 1;
        await this.request(request.atMs, request.by);
      } else if (look <= toMs && !(await this.tick(look))) return;
      else if (look > toMs) return;
    }
  }

  async take({ observations, scores }: Arrival): Promise<void> {
    this.monitor = readObservations(this.monitor, observations, this.spec);
    this.monitor = readScores(this.monitor, scores, this.spec);
    if (this.spec.enabled && isDue(this.monitor, this.spec)) await this.evaluate();
  }

  private async evaluate(): Promise<void> {
    const { spec, monitor, arbiter } = this;
    const nowMs = newestMs(monitor)!;
    const searchSeconds = this.played.runs.flatMap(({ seconds }) => (seconds === null ? [] : [seconds]));
    const inputs: EvaluationInputs = {
      live: this.live,
      history: monitor.observed,
      last_optimized_at: arbiter.last_optimized_at,
      deployment: this.deployment,
      run_seconds: searchSeconds.length === 0 ? null : median(searchSeconds),
      ...this.world.inputsAt(nowMs),
      ...memoryOf(monitor),
      confirms: true,
    };
    const { report } = evaluate({ spec, monitor, nowMs, inputs });
    const remembered = remember(monitor, report, { spec, nowMs, inputs });
    this.monitor = { ...remembered, evaluated_at: nowMs, checked_at: nowMs };
    const insufficient = report.detectors.some(({ fired }) => fired === null);
    this.played.evaluations.push({ atMs: nowMs, alarm: report.should_optimize, insufficient });
    const evaluated: Evaluated = {
      forecaster: spec.forecaster,
      caused_by: [],
      ...report,
      evidence: EVIDENCE,
    };
    const at = { sequence: this.next(), storedMs: nowMs };
    await this.decide(nowMs, decideEvaluated(this.arbiter, evaluated, at, this.circumstances(nowMs)));
  }

  private async request(atMs: number, by: string | undefined): Promise<void> {
    const request = { action: "search" as const, ...(by === undefined ? {} : { requested_by: by }) };
    const asked = { sequence: this.next(), storedMs: atMs, request };
    await this.decide(atMs, decideRequests(this.arbiter, [asked], this.circumstances(atMs)));
  }

  /** False where looking changed nothing, so that looking again would not either. */
  private async tick(atMs: number): Promise<boolean> {
    const before = this.arbiter;
    await this.decide(atMs, decideTick(before, this.circumstances(atMs)));
    return this.arbiter !== before;
  }

  private circumstances(atMs: number) {
    return { spec: this.spec, atMs, machineMs: atMs, evidence: EVIDENCE };
  }

  private async decide(atMs: number, { state, events }: Decision): Promise<void> {
    this.arbiter = state;
    for (const verdict of events) await this.answer(atMs, verdict);
  }

  private async answer(atMs: number, verdict: Verdict): Promise<void> {
    if (verdict.step === "refused") {
      this.played.refused.push({ atMs, reason: verdict.data.reason });
      return;
    }
    const outcome = await this.world.run(atMs, verdict.data);
    this.played.runs.push({ ...outcome, atMs, accepted: verdict.data });
    this.live = outcome.live;
    if (outcome.deployed) this.deployment = { at: new Date(atMs).toISOString(), validation: {} };
    this.step("searched", atMs, verdict.data);
    this.step(
      outcome.outcome === "rejected" || outcome.outcome === "failed" ? outcome.outcome : "verified",
      atMs,
      verdict.data,
    );
  }

  private step(step: Step, atMs: number, { run_id, forecaster }: Accepted): void {
    const event: CloudEvent<StepData> = {
      specversion: "1.0",
      id: run_id,
      source: "retune/simulate",
      type: `dev.retune.retrain.${step}`,
      subject: forecaster,
      time: new Date(atMs).toISOString(),
      data: { run_id, forecaster, caused_by: [], evidence: EVIDENCE },
    };
    const subject = subjects.step(step, forecaster, run_id);
    this.arbiter = foldStep(this.arbiter, { subject, sequence: this.next(), storedMs: atMs, event });
  }

  private next(): number {
    this.sequence += 1;
    return this.sequence;
  }
}

/** Joins telemetry into arrivals so that each ends with what makes an evaluation due, and nothing is folded twice. */
export function* arrivalsOf(
  messages: Iterable<{
    readonly atMs: number;
    readonly observation?: Batch<Observation>;
    readonly score?: Batch<Score>;
  }>,
  spec: ForecasterSpec,
): Generator<Arrival> {
  const every = durationMs(spec.trigger.evaluate_every);
  let observations: Batch<Observation>[] = [];
  let scores: Batch<Score>[] = [];
  let clock = Number.NEGATIVE_INFINITY;
  let due = Number.NEGATIVE_INFINITY;
  for (const { atMs, observation, score } of messages) {
    if (observation !== undefined) observations.push(observation);
    if (score !== undefined) scores.push(score);
    clock = Math.max(clock, atMs);
    if (clock < due) continue;
    yield { atMs: clock, observations, scores };
    due = clock + every;
    observations = [];
    scores = [];
  }
  if (observations.length + scores.length > 0) yield { atMs: clock, observations, scores };
}

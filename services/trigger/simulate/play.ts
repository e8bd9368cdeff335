import type { CloudEvent, Evidence, StepData } from "../../../shared/contracts/envelope.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { type Step, subjects } from "../../../shared/contracts/subjects.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import type { Accepted, Evaluated, EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import { median } from "../../../shared/statistics/sample.ts";
import { decideEvaluated, decideRequests, decideTick } from "../arbiter/arbiter.ts";
import { foldStep } from "../arbiter/following.ts";
import { nextLook } from "../arbiter/timetable.ts";
import type { Decision, Verdict } from "../arbiter/verdict.ts";
import { evaluate, isDue } from "../decide.ts";
import { memoryOf, remember } from "../judgement/remember.ts";
import { type Batch, newestMs, readObservations, readScores } from "../monitor/monitor.ts";
import { type ArbiterState, initialArbiter, initialMonitor, type MonitorState } from "../state.ts";

/** Telemetry that arrives together, at the event time of its newest record. */
export interface Arrival {
  readonly atMs: number;
  readonly observations: readonly Batch<Observation>[];
  readonly scores: readonly Batch<Score>[];
  /** The evaluation that was recorded here; absent: one takes place where it is due. */
  readonly receipt?: Receipt | undefined;
}

/** What a recorded evaluation was made with, and when. */
export interface Receipt {
  /** Time it was made for. */
  readonly nowMs: number;
  /** Time it was made at, by the same clock. */
  readonly decidedMs: number;
  readonly inputs: EvaluationInputs;
}

export interface RunOutcome {
  /** null: nobody knows */
  readonly outcome: string | null;
  /** What the run does and when, ascending. Until its last step no other can begin. */
  readonly steps: readonly RunStep[];
  /** What its search took. */
  readonly seconds: number | null;
}

export interface RunStep {
  readonly step: Step;
  readonly atMs: number;
}

/** What somebody asked for, as far as the answer repeats it. */
export interface AskedFor {
  readonly atMs: number;
  readonly requested_by?: string | undefined;
  readonly reason?: string | undefined;
}

/** Everything around the decisions: recorded, or made again. */
export interface World {
  /** Whether something is served before the first arrival. */
  readonly live: boolean;
  arrivals(): AsyncIterable<Arrival>;
  /** Requests of people, by event time, ascending. */
  readonly requests: readonly AskedFor[];
  /** Until when time passes after the last arrival. */
  readonly endMs: number;
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
  let clockMs = Number.NEGATIVE_INFINITY;
  for await (const arrival of world.arrivals()) {
    await player.passTo(arrival.atMs);
    await player.take(arrival);
    clockMs = arrival.atMs;
  }
  await player.passTo(Math.max(clockMs, world.endMs) + 1);
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
  /** Steps of the active run that are still to come. */
  private coming: { readonly run: Accepted; readonly steps: RunStep[] } | undefined;
  private sequence = 0;
  private asked = 0;

  constructor(spec: ForecasterSpec, world: World) {
    this.spec = spec;
    this.world = world;
    this.live = world.live;
    this.monitor = initialMonitor(spec.forecaster);
    this.arbiter = initialArbiter(spec.forecaster);
  }

  /** Deals with everything up to `toMs`: steps of runs, what people asked for before it, what is due by the clock. */
  async passTo(toMs: number): Promise<void> {
    // In this state looking at the clock changes nothing, so it is not looked at again.
    let idle: ArbiterState | undefined;
    for (;;) {
      const stepMs = this.coming?.steps[0]?.atMs ?? Number.POSITIVE_INFINITY;
      const askedMs = this.world.requests[this.asked]?.atMs ?? Number.POSITIVE_INFINITY;
      const lookMs = idle === this.arbiter ? Infinity : (nextLook(this.arbiter, this.spec, toMs) ?? Infinity);
      const next = Math.min(stepMs, askedMs, lookMs);
      if (next > toMs || (next === askedMs && next === toMs)) return;
      if (stepMs === next) this.goOn();
      else if (askedMs === next) await this.request();
      else {
        const before = this.arbiter;
        await this.tick(lookMs);
        if (this.arbiter === before) idle = before;
      }
    }
  }

  async take({ observations, scores, receipt }: Arrival): Promise<void> {
    this.monitor = readObservations(this.monitor, observations, this.spec);
    this.monitor = readScores(this.monitor, scores, this.spec);
    const { enabled } = this.spec;
    if (receipt !== undefined && enabled)
      await this.evaluate(receipt.nowMs, receipt.decidedMs, receipt.inputs);
    else if (enabled && isDue(this.monitor, this.spec)) {
      const nowMs = newestMs(this.monitor)!;
      await this.evaluate(nowMs, nowMs);
    }
  }

  private async evaluate(nowMs: number, decidedMs: number, recorded?: EvaluationInputs): Promise<void> {
    const { spec, monitor } = this;
    const inputs = this.inputs(nowMs, recorded);
    const { report } = evaluate({ spec, monitor, nowMs, inputs });
    const remembered = remember(monitor, report, { spec, nowMs, inputs });
    this.monitor = { ...remembered, evaluated_at: nowMs, checked_at: decidedMs };
    const insufficient = report.detectors.some(({ fired }) => fired === null);
    this.played.evaluations.push({ atMs: nowMs, alarm: report.should_optimize, insufficient });
    const { forecaster } = spec;
    const evaluated: Evaluated = { forecaster, caused_by: [], ...report, evidence: EVIDENCE };
    const at = { sequence: this.next(), storedMs: decidedMs };
    const circumstances = this.circumstances(decidedMs);
    await this.decide(decidedMs, decideEvaluated(this.arbiter, evaluated, at, circumstances));
  }

  /** What is not this policy's own doing is as it was recorded. */
  private inputs(nowMs: number, recorded: EvaluationInputs | undefined): EvaluationInputs {
    const seconds = this.played.runs.flatMap((run) => run.seconds ?? []);
    const isRecorded = recorded?.deployment?.at === this.deployment?.at;
    return {
      live: this.live,
      history: recorded?.history ?? this.monitor.observed,
      last_optimized_at: this.arbiter.last_optimized_at,
      deployment: isRecorded ? (recorded?.deployment ?? this.deployment) : this.deployment,
      run_seconds: recorded?.run_seconds ?? (seconds.length === 0 ? null : median(seconds)),
      ...this.world.inputsAt(nowMs),
      ...memoryOf(this.monitor),
      confirms: recorded?.confirms ?? true,
    };
  }

  private async request(): Promise<void> {
    const { atMs, ...told } = this.world.requests[this.asked]!;
    this.asked += 1;
    const asked = { sequence: this.next(), storedMs: atMs, request: { action: "search" as const, ...told } };
    await this.decide(atMs, decideRequests(this.arbiter, [asked], this.circumstances(atMs)));
  }

  private async tick(atMs: number): Promise<void> {
    await this.decide(atMs, decideTick(this.arbiter, this.circumstances(atMs)));
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
    this.coming = { run: verdict.data, steps: [...outcome.steps] };
    while ((this.coming.steps[0]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) this.goOn();
  }

  /** The active run's next step. */
  private goOn(): void {
    const { run, steps } = this.coming!;
    const { step, atMs } = steps.shift()!;
    const time = new Date(atMs).toISOString();
    if (step === "deployed") {
      this.live = true;
      this.deployment = { at: time, validation: {} };
    }
    const { run_id, forecaster } = run;
    const event: CloudEvent<StepData> = {
      specversion: "1.0",
      id: run_id,
      source: "retune/simulate",
      type: `dev.retune.retrain.${step}`,
      subject: forecaster,
      time,
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

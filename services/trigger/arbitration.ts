import type { KvBucket } from "../../shared/bus/kv.ts";
import type { Message } from "../../shared/bus/message.ts";
import { StepData, stepType } from "../../shared/contracts/envelope.ts";
import type { Failed } from "../../shared/contracts/failed.ts";
import { parseStepSubject, subjects } from "../../shared/contracts/subjects.ts";
import { Evaluated, type RetrainRequest, type TriggerStatus } from "../../shared/contracts/trigger.ts";
import { newEvent, parseEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { AckFloor } from "./ack-floor.ts";
import { Actor } from "./actor.ts";
import { decideEvaluated, decideRequests, decideTick, refuseUnknown } from "./arbiter/arbiter.ts";
import { foldStep, rebuildStep } from "./arbiter/following.ts";
import { stuckStage } from "./arbiter/reaper.ts";
import { parseRequests } from "./arbiter/requests.ts";
import { RunProjection } from "./arbiter/runs.ts";
import { statusOf } from "./arbiter/status.ts";
import { Timekeeper } from "./arbiter/timekeeper.ts";
import type { Circumstances, Decision, Verdict } from "./arbiter/verdict.ts";
import type { ManualRequest } from "./arbiter/wish.ts";
import { lastHandled, raiseFloorOf } from "./handled.ts";
import { ArbiterState, initialArbiter, type Outgoing } from "./state.ts";
import { StreamEra } from "./stream-era.ts";

export const DURABLES = { requests: "trigger-requests", steps: "trigger-steps" } as const;

const EVALUATED = /^retrain\.evaluated\.([^.]+)$/;

/** Feeds the arbiter: requests of people, evaluations, steps of runs and time in, `accepted` and `refused` out. */
export class Arbitration {
  readonly actor: Actor<ArbiterState>;
  readonly counts = { accepted: 0, refused: 0, reaped: 0 };
  private readonly context: ServiceContext;
  private readonly specs: SpecStore;
  private readonly bucket: KvBucket<ArbiterState>;
  private readonly runs: RunProjection;
  private readonly era: StreamEra;
  private readonly timekeeper: Timekeeper;
  private readonly requestsFloor: AckFloor;
  private readonly stepsFloor: AckFloor;

  constructor(context: ServiceContext, specs: SpecStore) {
    this.context = context;
    this.specs = specs;
    this.bucket = context.bus.kv("states", ArbiterState);
    this.runs = new RunProjection(context);
    this.era = new StreamEra(context, "DECISIONS");
    this.requestsFloor = new AckFloor(context, this.era, DURABLES.requests);
    this.stepsFloor = new AckFloor(context, this.era, DURABLES.steps);
    this.actor = new Actor({
      bucket: this.bucket,
      key: (forecaster) => `arbiter.${forecaster}`,
      initial: (forecaster) => this.rebuild(forecaster),
      admit: (state) =>
        this.era.admit(state, Math.max(lastHandled(state.requests), lastHandled(state.evaluations))),
      publish: (outgoing) => this.publish(outgoing),
    });
    this.timekeeper = new Timekeeper(context, {
      specs,
      bucket: this.bucket,
      actor: this.actor,
      tick: (forecaster) =>
        this.decide(forecaster, (state) => decideTick(state, this.circumstances(forecaster))),
      resync: (forecaster, run) => this.resync(forecaster, run),
    });
  }

  /**
   * A batch of `retrain.request`. Good requests are answered before a bad one is thrown, so that the bad one alone
   * becomes a dead letter; when the good ones then come again, they have been handled.
   */
  async onRequests(messages: readonly Message[]): Promise<void> {
    const problems: unknown[] = [];
    const groups = new Map<string, ManualRequest[]>();
    for (const message of messages) {
      try {
        for (const request of parseRequests(message.data, message.subject))
          for (const forecaster of this.meant(request)) add(groups, forecaster, manual(message, request));
      } catch (error) {
        problems.push(error);
      }
    }
    const ackFloor = await this.requestsFloor.after(messages);
    for (const [forecaster, requests] of groups) {
      if (await this.isUnknown(forecaster)) await this.refuse(forecaster, requests);
      else
        await this.decide(forecaster, (state) =>
          decideRequests(raiseFloorOf(state, "requests", ackFloor), requests, this.circumstances(forecaster)),
        );
    }
    if (problems.length > 0) throw problems[0];
  }

  /** A batch of `retrain.>`: evaluations are arbitrated, steps followed and folded into runs. */
  async onDecisions(messages: readonly Message[]): Promise<void> {
    const problems: unknown[] = [];
    const moves = new Map<string, ((state: ArbiterState) => Decision)[]>();
    const steps: ReturnType<typeof stored>[] = [];
    for (const message of messages) {
      try {
        const parts = parseStepSubject(message.subject);
        if (parts !== undefined) {
          const step = stored(message);
          steps.push(step);
          add(moves, parts.forecaster, (state) => ({ state: foldStep(state, step), events: [] }));
        }
        const forecaster = EVALUATED.exec(message.subject)?.[1];
        if (forecaster !== undefined) add(moves, forecaster, this.evaluationMove(forecaster, message));
      } catch (error) {
        problems.push(error);
      }
    }
    const ackFloor = await this.stepsFloor.after(messages);
    for (const [forecaster, each] of moves)
      if (!(await this.isUnknown(forecaster)))
        await this.decide(forecaster, (state) => inOrder(raiseFloorOf(state, "evaluations", ackFloor), each));
    await this.runs.fold(steps);
    if (problems.length > 0) throw problems[0];
  }

  /**
   * Publishes what a crash left in an outbox, fails runs that hang, and learns what other processes let wait. Other
   * forecasters go on when one fails.
   */
  async maintain(runTimeoutMs: number): Promise<void> {
    for (const key of await this.bucket.keys("arbiter.*")) {
      const forecaster = key.slice("arbiter.".length);
      try {
        await this.actor.repair(forecaster);
        await this.reap(forecaster, runTimeoutMs);
        this.timekeeper.plan(forecaster, await this.actor.read(forecaster));
      } catch (err) {
        this.context.log.error({ err, forecaster }, "runs could not be looked after");
      }
    }
    await this.timekeeper.check();
  }

  /** What runs, what waits and what comes next, for one forecaster or all that there are specs of. */
  async status(forecaster?: string): Promise<TriggerStatus> {
    const specs = this.specs
      .all()
      .filter((spec) => forecaster === undefined || spec.forecaster === forecaster);
    const nowMs = this.context.clock.now();
    const known = (id: string) => this.bucket.get(`arbiter.${id}`);
    const forecasters = specs.map(async (spec) => {
      const state = (await known(spec.forecaster))?.value ?? initialArbiter(spec.forecaster);
      return statusOf(state, spec, nowMs);
    });
    return { at: new Date(nowMs).toISOString(), forecasters: await Promise.all(forecasters) };
  }

  /** Resolves when nothing is decided any more because of the time. */
  stop(): Promise<void> {
    return this.timekeeper.stop();
  }

  private async reap(forecaster: string, runTimeoutMs: number): Promise<void> {
    const hangs = ({ active }: ArbiterState) =>
      active === null ? undefined : stuckStage(active, machineMs(), runTimeoutMs, this.specs.get(forecaster));
    const known = await this.actor.read(forecaster);
    if (known.active === null || hangs(known) === undefined) return;
    const state = await this.resync(forecaster, known.active.run);
    const stage = hangs(state);
    if (stage === undefined || state.active === null) return;
    const { run, step, step_sequence } = state.active;
    const data: Failed = {
      run_id: run,
      forecaster,
      caused_by: step_sequence > 0 ? [step_sequence] : [],
      evidence: { code_version: this.context.codeVersion, run_timeout_ms: runTimeoutMs, last_step: step },
      stage,
      cause: `nothing happened after '${step}' for longer than ${runTimeoutMs / 60_000} min`,
      will_retry: false,
    };
    const ended = await this.context.bus.conclude(stage, "failed", this.event("failed", forecaster, data));
    if (ended.won) this.counts.reaped += 1;
    this.context.log.warn({ forecaster, run, stage, step: ended.step }, "a run hung");
  }

  /** Reads the run's steps again: the stream may know more than the state does. */
  private async resync(forecaster: string, run: string): Promise<ArbiterState> {
    const steps: ReturnType<typeof stored>[] = [];
    for await (const message of this.context.bus.read("DECISIONS", {
      filter: `retrain.*.${forecaster}.${run}`,
    }))
      steps.push(stored(message));
    return this.actor.apply(forecaster, (state) => steps.reduce(foldStep, state));
  }

  /** The state of a forecaster seen for the first time, or one whose state was lost. */
  private async rebuild(forecaster: string): Promise<ArbiterState> {
    const { created } = await this.era.refresh();
    let state: ArbiterState = { ...initialArbiter(forecaster), stream_created: created };
    const ackFloor = await this.requestsFloor.now();
    for await (const message of this.context.bus.read("DECISIONS", { filter: `retrain.*.${forecaster}.*` })) {
      try {
        state = raiseFloorOf(rebuildStep(state, stored(message)), "requests", ackFloor);
      } catch (err) {
        this.context.log.warn({ err, subject: message.subject }, "left out of a rebuilt state");
      }
    }
    return state;
  }

  private evaluationMove(forecaster: string, message: Message): (state: ArbiterState) => Decision {
    const { data, time } = parseEvent(message, Evaluated);
    const at = { sequence: message.sequence, storedMs: message.time.getTime() };
    const circumstances = this.circumstances(forecaster, Date.parse(time));
    return (state) => decideEvaluated(state, data, at, circumstances);
  }

  private async decide(forecaster: string, move: (state: ArbiterState) => Decision): Promise<void> {
    const decided = await this.actor.apply(forecaster, (state) => {
      const decision = move(state);
      if (decision.events.length === 0) return decision.state;
      return { ...decision.state, outbox: this.outgoing(forecaster, decision.events) };
    });
    this.timekeeper.plan(forecaster, decided);
  }

  private outgoing(forecaster: string, verdicts: readonly Verdict[]): Outgoing[] {
    return verdicts.map(({ step, data, atMs }) => ({
      subject: subjects.step(step, forecaster, data.run_id),
      event: this.event(step, forecaster, data, atMs),
    }));
  }

  /** Neither applied nor ever seen: nothing may be kept for it, or anybody could fill the bucket with made-up ids. */
  private async isUnknown(forecaster: string): Promise<boolean> {
    if (this.specs.get(forecaster) !== undefined) return false;
    return (await this.bucket.get(`arbiter.${forecaster}`)) === undefined;
  }

  private async refuse(forecaster: string, requests: readonly ManualRequest[]): Promise<void> {
    const verdicts = refuseUnknown(forecaster, requests, this.circumstances(forecaster));
    for (const outgoing of this.outgoing(forecaster, verdicts)) await this.publish(outgoing);
  }

  private async publish({ subject, event }: Outgoing): Promise<void> {
    const { sequence, won } = await this.context.bus.publishOnce(subject, event);
    const accepted = subject.startsWith("retrain.accepted.");
    this.counts[accepted ? "accepted" : "refused"] += won ? 1 : 0;
    this.context.log.info(
      { subject, sequence, won, forecaster: event.subject },
      accepted ? "run accepted" : "run refused",
    );
  }

  private meant({ forecaster }: RetrainRequest): string[] {
    if (forecaster !== undefined) return [forecaster];
    const all = this.specs.all().flatMap((spec) => (spec.enabled ? [spec.forecaster] : []));
    if (all.length === 0) this.context.log.warn({}, "a request for every forecaster, and there is none");
    return all;
  }

  private circumstances(forecaster: string, atMs = this.context.clock.now()): Circumstances {
    const evidence = {
      code_version: this.context.codeVersion,
      spec_revision: this.specs.revision(forecaster),
    };
    return { spec: this.specs.get(forecaster), atMs, machineMs: machineMs(), evidence };
  }

  private event<D>(
    step: "accepted" | "refused" | "failed",
    forecaster: string,
    data: D,
    timeMs = this.context.clock.now(),
  ) {
    return newEvent({ source: this.context.source, type: stepType(step), subject: forecaster, timeMs, data });
  }
}

/** Machine time, comparable with the times the server stamps messages with. */
function machineMs(): number {
  return performance.timeOrigin + performance.now();
}

function inOrder(state: ArbiterState, moves: readonly ((state: ArbiterState) => Decision)[]): Decision {
  return moves.reduce<Decision>(
    (before, move) => {
      const after = move(before.state);
      return { state: after.state, events: [...before.events, ...after.events] };
    },
    { state, events: [] },
  );
}

function stored(message: Message) {
  const { subject, sequence, time } = message;
  return { subject, sequence, storedMs: time.getTime(), event: parseEvent(message, StepData) };
}

function manual(message: Message, request: RetrainRequest): ManualRequest {
  return { sequence: message.sequence, storedMs: message.time.getTime(), request };
}

function add<T>(groups: Map<string, T[]>, key: string, value: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [value]);
  else group.push(value);
}

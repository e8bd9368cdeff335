import type { z } from "zod";
import type { KvBucket } from "../../shared/bus/kv.ts";
import type { Message } from "../../shared/bus/message.ts";
import { StepData, stepType } from "../../shared/contracts/envelope.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { parseStepSubject, type Step, subjects } from "../../shared/contracts/subjects.ts";
import { Observation, Score } from "../../shared/contracts/telemetry.ts";
import type { Evaluated, LeftOut } from "../../shared/contracts/trigger.ts";
import { newEvent, parseEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { AckFloor } from "./ack-floor.ts";
import { Actor } from "./actor.ts";
import { evaluate, type Failure, isDue, isOverdue, neededHistory } from "./decide.ts";
import { lastHandled, raiseFloorOf } from "./handled.ts";
import { Inputs } from "./inputs.ts";
import { memoryOf, remember } from "./judgement/remember.ts";
import { foldLife } from "./monitor/life.ts";
import {
  type Batch,
  foldObservations,
  foldScores,
  newestMs,
  readObservations,
  readScores,
  streamRange,
} from "./monitor/monitor.ts";
import { telemetryBatch } from "./payload.ts";
import { type ArbiterState, initialMonitor, MonitorState } from "./state.ts";
import { StreamEra } from "./stream-era.ts";

export const DURABLES = { scores: "trigger-scores", observations: "trigger-observations" } as const;

type By = "telemetry" | "timer" | "request";

/** Polls of a forecaster that waits for history until the buffer is asked although little was seen here. */
const PATIENCE = 30;

/** Takes telemetry in, asks the detectors when it is time, publishes what they say. */
export class Evaluation {
  readonly actor: Actor<MonitorState>;
  readonly counts = { evaluated: 0, broken_records: 0 };
  private readonly context: ServiceContext;
  private readonly specs: SpecStore;
  private readonly arbiter: Actor<ArbiterState>;
  private readonly bucket: KvBucket<MonitorState>;
  private readonly era: StreamEra;
  private readonly scoresFloor: AckFloor;
  private readonly observationsFloor: AckFloor;
  private readonly inputs: Inputs;
  private readonly lastKnown = new Map<string, MonitorState>();
  /** Forecasters without a live config whose history was too short, and how often that was looked at. */
  private readonly waiting = new Map<string, number>();

  constructor(context: ServiceContext, specs: SpecStore, arbiter: Actor<ArbiterState>) {
    this.context = context;
    this.specs = specs;
    this.arbiter = arbiter;
    this.bucket = context.bus.kv("states", MonitorState);
    this.era = new StreamEra(context, "TELEMETRY");
    this.inputs = new Inputs(context);
    this.scoresFloor = new AckFloor(context, this.era, DURABLES.scores);
    this.observationsFloor = new AckFloor(context, this.era, DURABLES.observations);
    this.actor = new Actor({
      bucket: this.bucket,
      key: (forecaster) => `trigger.${forecaster}`,
      initial: (forecaster) => this.rebuild(forecaster),
      admit: (state) =>
        this.era.admit(state, Math.max(lastHandled(state.scores), lastHandled(state.observations))),
      publish: async ({ subject, event }) => {
        await context.bus.publishEvent(subject, event);
        this.counts.evaluated += 1;
      },
    });
  }

  /** A batch of `telemetry.score.>`. */
  async onScores(messages: readonly Message[]): Promise<void> {
    const ackFloor = await this.scoresFloor.after(messages);
    for (const [forecaster, batches] of this.bySource(messages, Score)) {
      const spec = this.specs.get(forecaster);
      if (spec === undefined) continue;
      await this.takeIn(spec, (state) => foldScores(raiseFloorOf(state, "scores", ackFloor), batches, spec));
    }
  }

  /** A batch of `telemetry.observation.>`; several forecasters may look at one series. */
  async onObservations(messages: readonly Message[]): Promise<void> {
    const ackFloor = await this.observationsFloor.after(messages);
    for (const [series, batches] of this.bySource(messages, Observation))
      for (const spec of this.specs.all().filter((each) => each.series === series))
        await this.takeIn(spec, (state) =>
          foldObservations(raiseFloorOf(state, "observations", ackFloor), batches, spec),
        );
  }

  /** Evaluates what no telemetry has caused an evaluation of for too long. */
  async onTimer(): Promise<void> {
    for (const spec of this.specs.all()) {
      const known = this.lastKnown.get(spec.forecaster);
      if (known === undefined || isOverdue(known, spec, this.context.clock.now()))
        await this.guarded(spec.forecaster, () => this.evaluate(spec.forecaster, "timer"));
    }
  }

  /** Looks whether history has become long enough for a first deployment, without waiting for the next evaluation. */
  async onPoll(): Promise<void> {
    for (const [forecaster, polls] of this.waiting) {
      const spec = this.specs.get(forecaster);
      if (spec === undefined) this.waiting.delete(forecaster);
      else await this.guarded(forecaster, () => this.poll(spec, polls));
    }
  }

  /**
   * Evaluates now when it is due for `by`; a request always is.
   * @returns the report that was published, undefined where none was
   */
  async evaluate(forecaster: string, by: By): Promise<Evaluated | undefined> {
    const spec = this.specs.get(forecaster);
    if (spec === undefined || !spec.enabled) return undefined;
    const { clock, codeVersion, log, source } = this.context;
    const arbiter = await this.arbiter.read(forecaster);
    const asked = await this.inputs.gather(spec, arbiter, () => this.observed(spec));
    let published: Evaluated | undefined;
    let failures: readonly Failure[] = [];
    const state = await this.actor.apply(forecaster, (monitor) => {
      published = undefined;
      const clockMs = Math.floor(clock.now());
      if (by === "telemetry" && !isDue(monitor, spec)) return monitor;
      if (by === "timer" && !isOverdue(monitor, spec, clockMs)) return monitor;
      const nowMs = by === "telemetry" ? (newestMs(monitor) ?? clockMs) : clockMs;
      const inputs = {
        ...asked.inputs,
        left_out: [...asked.inputs.left_out, ...rolledBack(monitor)],
        ...memoryOf(monitor),
        confirms: by !== "request",
      };
      const decided = evaluate({ spec, monitor, nowMs, inputs });
      failures = decided.failures;
      const evidence = {
        code_version: codeVersion,
        spec_revision: this.specs.revision(forecaster),
        live_revision: asked.liveRevision,
        event_time: new Date(nowMs).toISOString(),
        evaluated_by: by,
        stream: streamRange(monitor),
        inputs,
      };
      published = { forecaster, caused_by: [], ...decided.report, evidence };
      const type = stepType("evaluated");
      const event = newEvent({ source, type, subject: forecaster, timeMs: clockMs, data: published });
      return {
        ...remember(monitor, decided.report, { spec, nowMs, inputs }),
        evaluated_at: by === "telemetry" ? nowMs : monitor.evaluated_at,
        timer_at: by === "timer" ? clockMs : monitor.timer_at,
        checked_at: clockMs,
        outbox: [{ subject: subjects.evaluated(forecaster), event }],
      };
    });
    this.lastKnown.set(forecaster, state);
    for (const { detector, error } of failures)
      log.warn({ err: error, forecaster, detector }, "detector failed, skipped");
    if (published?.cause === "first-deployment" && !published.should_optimize)
      this.waiting.set(forecaster, 0);
    return published;
  }

  /** A batch of `retrain.>`: which configs were live and rolled back. */
  async onDecisions(messages: readonly Message[]): Promise<void> {
    const steps = messages.flatMap((message) => lifeStep(message) ?? []);
    for (const [forecaster, each] of Map.groupBy(steps, (step) => step.forecaster))
      if (this.specs.get(forecaster) !== undefined)
        await this.actor.apply(forecaster, (state) => each.reduce(withLife, state));
  }

  /** Publishes evaluations that a crash kept back. */
  async maintain(): Promise<void> {
    for (const key of await this.bucket.keys("trigger.*")) {
      const forecaster = key.slice("trigger.".length);
      await this.guarded(forecaster, () => this.actor.repair(forecaster));
    }
  }

  private async takeIn(spec: ForecasterSpec, fold: (state: MonitorState) => MonitorState): Promise<void> {
    const state = await this.actor.apply(spec.forecaster, fold);
    this.lastKnown.set(spec.forecaster, state);
    if (spec.enabled && isDue(state, spec)) await this.evaluate(spec.forecaster, "telemetry");
  }

  private async poll(spec: ForecasterSpec, polls: number): Promise<void> {
    const { forecaster } = spec;
    const seen = (await this.observed(spec)) >= neededHistory(spec);
    this.waiting.set(forecaster, seen ? 0 : (polls + 1) % PATIENCE);
    if (!seen && polls + 1 < PATIENCE) return;
    if ((await this.inputs.history(spec, () => this.observed(spec))) < neededHistory(spec)) return;
    this.waiting.delete(forecaster);
    await this.evaluate(forecaster, "request");
  }

  private async observed({ forecaster }: ForecasterSpec): Promise<number> {
    return (await this.actor.read(forecaster)).observed;
  }

  /**
   * Telemetry that is still in the stream, for a forecaster seen for the first time or a state that was lost. It is
   * read in order and completely, so all up to its newest message is handled.
   */
  private async rebuild(forecaster: string): Promise<MonitorState> {
    const spec = this.specs.get(forecaster);
    const { created, firstSequence } = await this.era.refresh();
    let state: MonitorState = {
      ...initialMonitor(forecaster),
      stream_created: created,
      born_at: firstSequence,
    };
    if (spec === undefined) return state;
    const deployment = await this.inputs.deployment(forecaster);
    state.deployed_at = deployment === null ? null : Date.parse(deployment.at);
    for (const step of ["deployed", "rolled-back"])
      for await (const message of this.context.bus.read("DECISIONS", {
        filter: `retrain.${step}.${forecaster}.*`,
      })) {
        const life = lifeStep(message);
        if (life !== undefined) state = withLife(state, life);
      }
    for await (const batches of this.chunks(`telemetry.score.${forecaster}`, Score))
      state = readScores(state, batches, spec);
    for await (const batches of this.chunks(`telemetry.observation.${spec.series}`, Observation))
      state = readObservations(state, batches, spec);
    return state;
  }

  private async *chunks<T>(filter: string, schema: z.ZodType<T>): AsyncGenerator<Batch<T>[]> {
    let chunk: Batch<T>[] = [];
    for await (const message of this.context.bus.read("TELEMETRY", { filter })) {
      chunk.push(...this.batch(message, schema));
      if (chunk.length < 1_000) continue;
      yield chunk;
      chunk = [];
    }
    yield chunk;
  }

  private bySource<T>(messages: readonly Message[], schema: z.ZodType<T>): Map<string, Batch<T>[]> {
    const sources = Map.groupBy(messages, ({ subject }) => subject.split(".")[2] ?? "");
    return new Map(
      [...sources].map(([id, each]) => [id, each.flatMap((message) => this.batch(message, schema))]),
    );
  }

  /** Broken telemetry is the buffer's to quarantine; here it is left out and counted. */
  private batch<T>(message: Message, schema: z.ZodType<T>): Batch<T>[] {
    const batch = telemetryBatch(message, schema, this.context.clock.now());
    this.counts.broken_records += batch?.broken ?? 1;
    return batch === undefined ? [] : [batch];
  }

  private async guarded(forecaster: string, action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
      this.context.reportHealth(`evaluate ${forecaster}`, null);
    } catch (err) {
      this.context.log.error({ err, forecaster }, "could not be evaluated");
      this.context.reportHealth(`evaluate ${forecaster}`, String(err));
    }
  }
}

function rolledBack({ rolled_back }: MonitorState): LeftOut[] {
  return rolled_back.flatMap(({ from, to }): LeftOut[] => {
    if (to === null) return [];
    return [
      {
        of: "forecaster",
        why: "rolled-back",
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
      },
    ];
  });
}

interface LifeStep {
  readonly forecaster: string;
  readonly step: Step;
  readonly run: string;
  readonly atMs: number;
}

/** Undefined for every other subject, and for what is no event: the arbiter refuses that. */
function lifeStep(message: Message): LifeStep | undefined {
  const parts = parseStepSubject(message.subject);
  if (parts?.step !== "deployed" && parts?.step !== "rolled-back") return undefined;
  try {
    return { ...parts, atMs: Date.parse(parseEvent(message, StepData).time) };
  } catch {
    return undefined;
  }
}

function withLife(state: MonitorState, { step, run, atMs }: LifeStep): MonitorState {
  return foldLife(state, step, run, atMs);
}

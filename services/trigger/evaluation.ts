import { z } from "zod";
import type { KvBucket } from "../../shared/bus/kv.ts";
import type { Message } from "../../shared/bus/message.ts";
import { stepType } from "../../shared/contracts/envelope.ts";
import { WindowReply } from "../../shared/contracts/inference-buffer.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { Observation, Score } from "../../shared/contracts/telemetry.ts";
import type { Evaluated } from "../../shared/contracts/trigger.ts";
import { UnavailableError } from "../../shared/errors.ts";
import { newEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { AckFloor } from "./ack-floor.ts";
import { Actor } from "./actor.ts";
import { evaluate, isDue, isOverdue, neededHistory } from "./decide.ts";
import { handledUpTo, lastHandled, raiseFloorOf } from "./handled.ts";
import { type Batch, foldObservations, foldScores, newestMs, streamRange } from "./monitor.ts";
import { records } from "./payload.ts";
import { type ArbiterState, initialMonitor, MonitorState } from "./state.ts";

export const DURABLES = { scores: "trigger-scores", observations: "trigger-observations" } as const;

type By = "telemetry" | "timer" | "request";

const DAY_MS = 86_400_000;
const ASK_BUFFER_MS = 2_000;
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
  private readonly scoresFloor: AckFloor;
  private readonly observationsFloor: AckFloor;
  private readonly lastKnown = new Map<string, MonitorState>();
  /** Forecasters without a live config whose history was too short, and how often that was looked at. */
  private readonly waiting = new Map<string, number>();

  constructor(context: ServiceContext, specs: SpecStore, arbiter: Actor<ArbiterState>) {
    this.context = context;
    this.specs = specs;
    this.arbiter = arbiter;
    this.bucket = context.bus.kv("states", MonitorState);
    this.scoresFloor = new AckFloor(context, "TELEMETRY", DURABLES.scores);
    this.observationsFloor = new AckFloor(context, "TELEMETRY", DURABLES.observations);
    this.actor = new Actor({
      bucket: this.bucket,
      key: (forecaster) => `trigger.${forecaster}`,
      initial: (forecaster) => this.rebuild(forecaster),
      publish: async ({ subject, event }) => {
        await context.bus.publishEvent(subject, event);
        this.counts.evaluated += 1;
      },
    });
  }

  /** A batch of `telemetry.score.>`. */
  async onScores(messages: readonly Message[]): Promise<void> {
    const ackFloor = await this.scoresFloor.after(messages.length);
    for (const [forecaster, batches] of this.bySource(messages, Score)) {
      const spec = this.specs.get(forecaster);
      if (spec === undefined) continue;
      await this.takeIn(spec, (state) => foldScores(raiseFloorOf(state, "scores", ackFloor), batches, spec));
    }
  }

  /** A batch of `telemetry.observation.>`; several forecasters may look at one series. */
  async onObservations(messages: readonly Message[]): Promise<void> {
    const ackFloor = await this.observationsFloor.after(messages.length);
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
    const { bus, clock, codeVersion, log, source } = this.context;
    const { last_optimized_at } = await this.arbiter.read(forecaster);
    const live = await bus.kv("live-configs", z.unknown()).get(forecaster);
    const history = live === undefined ? await this.history(spec) : 0;
    let published: Evaluated | undefined;
    let failures: ReturnType<typeof evaluate>["failures"] = [];
    const state = await this.actor.apply(forecaster, (monitor) => {
      published = undefined;
      const clockMs = clock.now();
      if (by === "telemetry" && !isDue(monitor, spec)) return monitor;
      if (by === "timer" && !isOverdue(monitor, spec, clockMs)) return monitor;
      const nowMs = by === "telemetry" ? (newestMs(monitor) ?? clockMs) : clockMs;
      const lastOptimizedMs = last_optimized_at === null ? null : Date.parse(last_optimized_at);
      const decided = evaluate({ spec, monitor, nowMs, lastOptimizedMs, live: live !== undefined, history });
      failures = decided.failures;
      const evidence = {
        code_version: codeVersion,
        spec_revision: this.specs.revision(forecaster),
        live_revision: live?.revision ?? 0,
        event_time: new Date(nowMs).toISOString(),
        evaluated_by: by,
        stream: { name: "TELEMETRY", ...streamRange(monitor) },
      };
      published = { forecaster, caused_by: [], ...decided.report, evidence };
      const type = stepType("evaluated");
      const event = newEvent({ source, type, subject: forecaster, timeMs: clockMs, data: published });
      return {
        ...monitor,
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
    const seen = (await this.actor.read(forecaster)).observed >= neededHistory(spec);
    this.waiting.set(forecaster, seen ? 0 : (polls + 1) % PATIENCE);
    if (!seen && polls + 1 < PATIENCE) return;
    if ((await this.history(spec)) < neededHistory(spec)) return;
    this.waiting.delete(forecaster);
    await this.evaluate(forecaster, "request");
  }

  /** Observations a search could use: what the buffer has, or what was seen here where no buffer answers. */
  private async history(spec: ForecasterSpec): Promise<number> {
    const { series, metric, entity = null } = spec;
    try {
      const options = { timeoutMs: ASK_BUFFER_MS };
      return (
        await this.context.bus.request(
          "inference-buffer.window",
          { series, metric, entity },
          WindowReply,
          options,
        )
      ).rows;
    } catch (err) {
      if (err instanceof UnavailableError) return (await this.actor.read(spec.forecaster)).observed;
      this.context.log.warn(
        { err, forecaster: spec.forecaster, series },
        "the buffer could not say how much history it has",
      );
      return 0;
    }
  }

  /**
   * Telemetry that is still in the stream, for a forecaster seen for the first time or a state that was lost. It is
   * read in order and completely, so all up to its newest message is handled.
   */
  private async rebuild(forecaster: string): Promise<MonitorState> {
    const spec = this.specs.get(forecaster);
    let state = initialMonitor(forecaster);
    if (spec === undefined) return state;
    for await (const batches of this.chunks(`telemetry.score.${forecaster}`, Score))
      state = readUpTo(foldScores(state, batches, spec), "scores");
    for await (const batches of this.chunks(`telemetry.observation.${spec.series}`, Observation))
      state = readUpTo(foldObservations(state, batches, spec), "observations");
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
    const { subject, sequence, time } = message;
    const latestMs = Math.max(time.getTime(), this.context.clock.now()) + DAY_MS;
    try {
      const { records: good, broken } = records(message, schema);
      this.counts.broken_records += broken;
      return [{ sequence, records: good, latestMs }];
    } catch (err) {
      this.counts.broken_records += 1;
      this.context.log.debug({ err, subject, sequence }, "telemetry left out");
      return [];
    }
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

function readUpTo(state: MonitorState, key: "scores" | "observations"): MonitorState {
  return { ...state, [key]: handledUpTo(state[key], lastHandled(state[key])) };
}

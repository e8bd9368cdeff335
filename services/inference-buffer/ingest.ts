import type { Bus } from "../../shared/bus/bus.ts";
import type { Message } from "../../shared/bus/message.ts";
import type { Clock } from "../../shared/clock.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import type { History } from "../../shared/history/history.ts";
import type { Log } from "../../shared/log.ts";
import { release } from "./decide.ts";
import { type Counters, takeIn } from "./intake.ts";
import type { Outbox } from "./outbox.ts";
import { rebuildLedger } from "./rebuild.ts";
import type { Sink } from "./sink.ts";
import { type Ledger, newLedger } from "./state.ts";
import { type Bounds, boundsOf } from "./validate.ts";

export interface IngestParts {
  readonly bus: Pick<Bus, "read" | "streamState">;
  readonly clock: Pick<Clock, "now">;
  readonly history: History;
  readonly sink: Sink;
  readonly outbox: Outbox;
  readonly log: Log;
  readonly specs: () => readonly ForecasterSpec[];
}

const STREAM = "TELEMETRY";

/**
 * The order of things. Every message is taken in once, in the order of the stream, whoever delivers it: what
 * a consumer delivers too late or twice is skipped, and what it leaves out is read from the stream. So one
 * number, the last sequence, says all about what has been taken in.
 */
export class Ingest {
  ledger: Ledger = newLedger([]);
  readonly counters: Counters = { scores: 0, duplicates: 0 };
  private readonly parts: IngestParts;
  private readonly seriesSeen = new Map<string, number>();
  private readonly unreadable = new Set<number>();
  private stream = "";
  private last = 0;
  private bounds: Bounds = new Map();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(parts: IngestParts) {
    this.parts = parts;
  }

  /** Last sequence that was taken in. */
  get lastSequence(): number {
    return this.last;
  }

  /** Sequence of the newest message about a series; 0 if there was none since the start. */
  newestOf(series: string): number {
    return this.seriesSeen.get(`telemetry.observation.${series}`) ?? 0;
  }

  /** Reads the past: ledger from Parquet, then the stream to its end, then the scores that are due. */
  start(): Promise<void> {
    return this.inTurn(async () => {
      const { history, outbox, sink, specs } = this.parts;
      this.bounds = boundsOf(specs());
      this.ledger = await rebuildLedger(history, specs());
      await this.catchUp();
      await sink.flush();
      outbox.add(release(this.ledger));
    });
  }

  /**
   * Takes messages in and resolves when they are durable.
   *
   * @throws {InvalidInputError} after they are durable, when one of them is no JSON: the bus makes it a dead letter
   */
  async take(messages: readonly Message[]): Promise<void> {
    const { durable } = await this.inTurn(async () => {
      for (const message of messages) {
        if (message.sequence > this.last + 1) await this.readTo(message.sequence - 1);
        this.accept(message);
      }
      return { durable: this.parts.sink.durable() };
    });
    await durable;
    const hopeless = messages.find(({ sequence }) => this.unreadable.has(sequence));
    if (hopeless !== undefined) {
      if (messages.length === 1) this.unreadable.delete(hopeless.sequence);
      throw new InvalidInputError(
        `payload on '${hopeless.subject}' (sequence ${hopeless.sequence}) is no JSON`,
      );
    }
  }

  /** Takes in what is in the stream now, whether or not a consumer has delivered it. */
  readOn(): Promise<void> {
    return this.inTurn(() => this.catchUp());
  }

  /** Makes durable what has been taken in. */
  flush(): Promise<void> {
    return this.parts.sink.flush();
  }

  /** The specs changed: who forecasts what, and what is allowed, is read anew. */
  respecify(): Promise<void> {
    return this.inTurn(async () => {
      const { history, outbox, sink, specs } = this.parts;
      this.bounds = boundsOf(specs());
      // Scores that are under way have to be read back, or they would be given out again.
      this.ledger.holding = true;
      await outbox.idle();
      await this.catchUp();
      await sink.flush();
      this.ledger = await rebuildLedger(history, specs());
      outbox.add(release(this.ledger));
    });
  }

  private accept(message: Message): void {
    if (message.sequence <= this.last) return;
    const { clock, history, outbox, sink } = this.parts;
    const rules = { stream: this.stream, bounds: this.bounds, nowMs: clock.now(), dayOf: history.dayOf };
    const { scored, unreadable } = takeIn(message, sink.segments, this.ledger, this.counters, rules);
    this.last = message.sequence;
    if (unreadable) this.unreadable.add(message.sequence);
    this.seriesSeen.set(message.subject, message.sequence);
    outbox.add(scored);
  }

  /** Reads the stream until nothing is ahead; a stream created anew begins anew. */
  private async catchUp(): Promise<void> {
    const { bus, history, log, sink } = this.parts;
    const state = await bus.streamState(STREAM);
    if (state.created !== this.stream) {
      await sink.flush();
      this.stream = state.created;
      this.last = history.lastSequence(state.created);
      this.unreadable.clear();
    }
    if (state.lastSequence < this.last) {
      log.error(
        { lastSequence: this.last, stream: state.lastSequence },
        "the server has lost telemetry and will use its sequences again",
      );
      await sink.flush();
      await history.rewind(this.stream, state.lastSequence);
      this.last = state.lastSequence;
    }
    await this.readTo(state.lastSequence);
  }

  private async readTo(sequence: number): Promise<void> {
    if (this.last >= sequence) return;
    const { bus, log, sink } = this.parts;
    for await (const message of bus.read(STREAM, { fromSequence: this.last + 1 })) {
      if (message.sequence > this.last + 1)
        log.warn(
          { from: this.last + 1, to: message.sequence - 1 },
          "telemetry left the stream before it was read",
        );
      this.accept(message);
      if (sink.isFull) await sink.room();
    }
    // What the stream no longer holds will never come.
    this.last = Math.max(this.last, sequence);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work, work);
    this.turn = done.catch(() => {});
    return done;
  }
}

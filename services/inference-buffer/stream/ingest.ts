import type { Bus } from "../../../shared/bus/bus.ts";
import type { Message } from "../../../shared/bus/message.ts";
import type { StreamState } from "../../../shared/bus/streams.ts";
import type { Clock } from "../../../shared/clock.ts";
import type { Incident } from "../../../shared/contracts/incidents.ts";
import type { SeriesContract } from "../../../shared/contracts/series.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { TelemetryKind } from "../../../shared/contracts/subjects.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import type { History } from "../../../shared/history/history.ts";
import { release } from "../decide.ts";
import { recallRules } from "../intake/contracts.ts";
import { takeIn } from "../intake/intake.ts";
import { type Bounds, boundsOf, type Rules } from "../intake/validate.ts";
import type { Outbox } from "../ledger/outbox.ts";
import { rebuildLedger } from "../ledger/rebuild.ts";
import { incidentsByForecaster, type Ledger, newLedger } from "../state.ts";
import type { Counters } from "../storage/segment.ts";
import type { Sink } from "../storage/sink.ts";
import type { Alarms } from "./alarms.ts";
import { gapAlarm, intactUpTo } from "./check.ts";

export interface IngestParts {
  readonly bus: Pick<Bus, "messageAt" | "readBatches" | "streamState">;
  readonly clock: Pick<Clock, "now">;
  readonly history: History;
  readonly sink: Sink;
  readonly outbox: Outbox;
  readonly alarms: Pick<Alarms, "raise">;
  readonly specs: () => readonly ForecasterSpec[];
  readonly incidents: () => readonly Incident[];
  readonly contracts: () => ReadonlyMap<string, SeriesContract>;
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
  private lastArrivedMs: number | undefined;
  private bounds: Bounds = new Map();
  private series: Rules = new Map();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(parts: IngestParts) {
    this.parts = parts;
  }

  /** Last sequence that was taken in. */
  get lastSequence(): number {
    return this.last;
  }

  /** Sequence of the newest message about a series, or of another kind; 0 if there was none since the start. */
  newestOf(id: string, kind: TelemetryKind = "observation"): number {
    return this.seriesSeen.get(`telemetry.${kind}.${id}`) ?? 0;
  }

  /** Reads the past: ledger from Parquet, then the stream to its end, then the scores that are due. */
  start(): Promise<void> {
    return this.inTurn(async () => {
      const { contracts, history, incidents, outbox, sink, specs } = this.parts;
      this.bounds = boundsOf(specs());
      this.ledger = await rebuildLedger(history, specs(), incidents());
      this.series = await recallRules(history, contracts(), this.series);
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

  /** Specs or contracts of series changed: who forecasts what, and what is allowed, is read anew. */
  respecify(): Promise<void> {
    return this.inTurn(async () => {
      const { contracts, history, incidents, outbox, sink, specs } = this.parts;
      this.bounds = boundsOf(specs());
      // Scores that are under way have to be read back, or they would be given out again.
      this.ledger.holding = true;
      await outbox.idle();
      await this.catchUp();
      await sink.flush();
      this.ledger = await rebuildLedger(history, specs(), incidents());
      this.series = await recallRules(history, contracts(), this.series);
      outbox.add(release(this.ledger));
    });
  }

  /** An incident was raised or cleared: it marks the scores from now on. */
  heedIncidents(): void {
    const { incidents, specs } = this.parts;
    this.ledger.incidents = incidentsByForecaster(specs(), incidents());
  }

  private accept(message: Message): void {
    if (message.sequence <= this.last) return;
    const { clock, history, outbox, sink } = this.parts;
    const rules = {
      stream: this.stream,
      bounds: this.bounds,
      series: this.series,
      nowMs: clock.now(),
      dayOf: history.dayOf,
    };
    const { scored, unreadable } = takeIn(message, sink.segments, this.ledger, this.counters, rules);
    this.last = message.sequence;
    this.lastArrivedMs = message.time.getTime();
    if (unreadable) this.unreadable.add(message.sequence);
    this.seriesSeen.set(message.subject, message.sequence);
    outbox.add(scored);
  }

  /** Reads the stream until nothing is ahead; a stream created anew begins anew. */
  private async catchUp(): Promise<void> {
    const { bus } = this.parts;
    const state = await bus.streamState(STREAM);
    if (state.created !== this.stream) await this.begin(state);
    const { last: sequence, lastArrivedMs: arrivedMs } = this;
    const intact = await intactUpTo(bus, this.parts.history, state, { sequence, arrivedMs });
    if (intact < sequence) await this.rewind(intact);
    await this.readTo(state.lastSequence);
  }

  private async begin({ created }: StreamState): Promise<void> {
    const { alarms, history, sink } = this.parts;
    await sink.flush();
    const former = history.streams.at(-1);
    if (former !== undefined && !history.streams.includes(created)) {
      alarms.raise({
        rule: "stream-recreated",
        message: `${STREAM} was created anew at ${created}; what the former one held after sequence ${history.lastSequence(former)} was never read`,
        figures: { created, former, former_last_sequence: history.lastSequence(former) },
      });
    }
    this.stream = created;
    this.last = history.lastSequence(created);
    this.lastArrivedMs = history.lastArrival(created);
    this.unreadable.clear();
  }

  private async rewind(intact: number): Promise<void> {
    const { alarms, history, sink } = this.parts;
    alarms.raise({
      rule: "telemetry-lost",
      message: `the server has lost sequences ${intact + 1} to ${this.last} of ${STREAM}, which the history has, and gives them to other messages`,
      figures: { from_sequence: intact + 1, to_sequence: this.last, lost: this.last - intact },
    });
    await sink.flush();
    await history.markRead(this.stream, intact);
    this.last = intact;
    this.lastArrivedMs = undefined;
  }

  private async readTo(sequence: number): Promise<void> {
    if (this.last >= sequence) return;
    const { bus, sink } = this.parts;
    for await (const batch of bus.readBatches(STREAM, { fromSequence: this.last + 1 })) {
      for (const message of batch) {
        if (message.sequence > this.last + 1) await this.skipTo(message.sequence - 1);
        this.accept(message);
      }
      if (sink.isFull) await sink.room();
    }
    if (this.last < sequence) await this.skipTo(sequence);
  }

  /** What the stream no longer holds will never come. */
  private async skipTo(sequence: number): Promise<void> {
    const { alarms, bus, history, sink } = this.parts;
    alarms.raise(await gapAlarm(bus, this.last + 1, sequence));
    await sink.flush();
    await history.markRead(this.stream, sequence);
    this.last = sequence;
    this.lastArrivedMs = undefined;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work, work);
    this.turn = done.catch(() => {});
    return done;
  }
}

import type { Message } from "../../shared/bus/message.ts";
import { WindowReply } from "../../shared/contracts/inference-buffer.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { explain } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { FeedMemory } from "./feed-memory.ts";
import { refusal, type Source, takeObservations } from "./observations.ts";

/** Real time before each further try to get the history that the stream does not hold any more. */
const WINDOW_RETRY_MS: readonly number[] = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/**
 * One member of a series, or all of them: the history from the inference buffer, then the stream from there on.
 * Without a buffer the stream's own beginning has to do, and the buffer is asked again in the background.
 */
export class SeriesFeed<Memory extends FeedMemory<Arrival>, Arrival> {
  readonly memory: Memory;
  private readonly context: ServiceContext;
  private readonly source: Source;
  private readonly windowTimeoutMs: number;
  private readonly listeners = new Set<(arrival: Arrival) => Promise<void>>();
  private follower: { stop(): Promise<void> } | undefined;
  private retry: NodeJS.Timeout | undefined;
  private started: Promise<void> | undefined;
  private catchUpTo = 0;
  private announce: () => void = () => {};
  private isCaughtUp = false;
  private stopped = false;

  constructor(context: ServiceContext, source: Source, memory: Memory, windowTimeoutMs: number) {
    this.context = context;
    this.source = source;
    this.memory = memory;
    this.windowTimeoutMs = windowTimeoutMs;
  }

  /** Whether everything is known that was published before `start`. */
  get caughtUp(): boolean {
    return this.isCaughtUp;
  }

  /** Resolves when everything is known that was published before the call. Idempotent. */
  start(): Promise<void> {
    this.started ??= this.catchUp();
    return this.started;
  }

  /** Asks the inference buffer again, for what the memory wants now. */
  async extend(): Promise<void> {
    await this.window(WINDOW_RETRY_MS.length);
  }

  /** What has arrived while the feed was caught up. The next message waits for the listeners. */
  onArrival(listener: (arrival: Arrival) => Promise<void>): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    this.announce();
    await this.started?.catch(() => {});
    await this.follower?.stop();
  }

  private async catchUp(): Promise<void> {
    const { bus } = this.context;
    const subject = subjects.telemetry("observation", this.source.series);
    const known = await this.window(0);
    const { lastSequence } = await bus.streamState("TELEMETRY");
    const fromSequence = known === undefined || known > lastSequence ? undefined : known + 1;
    this.catchUpTo = (await bus.lastMessage("TELEMETRY", subject))?.sequence ?? 0;
    const ready = new Promise<void>((resolve) => {
      this.announce = resolve;
    });
    if (this.catchUpTo < (fromSequence ?? 1)) this.endCatchUp();
    if (this.stopped) return;
    this.follower = await bus.follow(
      "TELEMETRY",
      { filter: subject, ...(fromSequence && { fromSequence }) },
      (message) => this.take(message),
    );
    if (!this.stopped) await ready;
  }

  private async take(message: Message): Promise<void> {
    try {
      const { accepted, refused } = takeObservations(message.json(), this.source, this.context.clock.now());
      if (refused.length > 0) {
        const { subject, sequence } = message;
        this.context.log.warn(
          { subject, sequence, refused: refused.length, first: refused[0] },
          "observations refused",
        );
      }
      const arrival = this.memory.take(accepted);
      if (this.isCaughtUp && arrival !== undefined)
        await Promise.all([...this.listeners].map((listener) => listener(arrival)));
    } finally {
      if (!this.isCaughtUp && message.sequence >= this.catchUpTo) this.endCatchUp();
    }
  }

  private endCatchUp(): void {
    this.isCaughtUp = true;
    this.announce();
  }

  /** Merges the buffer's window in; resolves with the last sequence of TELEMETRY that it has seen. */
  private async window(tries: number): Promise<number | undefined> {
    const { bus, log } = this.context;
    const { series, metric } = this.source;
    try {
      const asked = { series, metric, ...this.memory.asked };
      const reply = await bus.request("inference-buffer.window", asked, WindowReply, {
        timeoutMs: this.windowTimeoutMs,
      });
      if (reply.rows > 0) {
        const now = this.context.clock.now();
        await this.memory.addWindow(
          await bus.artifacts.fetch(reply.artifact),
          (ms, value) => refusal(ms, value, this.source, now) === undefined,
        );
      }
      return reply.stream.last_sequence;
    } catch (error) {
      const delayMs = WINDOW_RETRY_MS[tries];
      log.info({ series, metric, cause: explain(error), delayMs }, "no history from the inference buffer");
      if (delayMs !== undefined && !this.stopped) {
        this.retry = setTimeout(() => void this.window(tries + 1), delayMs);
        this.retry.unref();
      }
      return undefined;
    }
  }
}

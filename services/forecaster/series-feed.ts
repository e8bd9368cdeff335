import type { Message } from "../../shared/bus/message.ts";
import { WindowReply } from "../../shared/contracts/inference-buffer.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { explain } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { ContextStore } from "./context-store.ts";
import { refusal, type Source, takeObservations } from "./observations.ts";

/** New observations of one message that are forecast after one by one; more is a delivery of history. */
const MAX_BURST = 20;
/** Real time before each further try to get the history that the stream does not hold any more. */
const WINDOW_RETRY_MS: readonly number[] = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/** Told about new newest observations, oldest first. */
export type ArrivalListener = (times: readonly number[]) => Promise<void>;

/**
 * One member of a series: its history from the inference buffer, then the stream from there on. Without a buffer
 * the stream's own beginning has to do, and the buffer is asked again in the background.
 */
export class SeriesFeed {
  readonly store = new ContextStore();
  private readonly context: ServiceContext;
  private readonly source: Source;
  private readonly windowTimeoutMs: number;
  private readonly listeners = new Set<ArrivalListener>();
  private follower: { stop(): Promise<void> } | undefined;
  private retry: NodeJS.Timeout | undefined;
  private started: Promise<void> | undefined;
  private catchUpTo = 0;
  private announce: () => void = () => {};
  private isCaughtUp = false;
  private stopped = false;

  constructor(context: ServiceContext, source: Source, windowTimeoutMs: number) {
    this.context = context;
    this.source = source;
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

  onArrival(listener: ArrivalListener): () => void {
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
      const arrived = [...accepted]
        .sort((a, b) => a.ms - b.ms)
        .filter(({ ms, value }) => this.store.add(ms, value));
      if (this.isCaughtUp && arrived.length > 0) {
        const times = arrived.map(({ ms }) => ms).slice(arrived.length > MAX_BURST ? -1 : 0);
        await Promise.all([...this.listeners].map((listener) => listener(times)));
      }
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
    const { series, metric, entity = null } = this.source;
    try {
      const asked = { series, metric, entity };
      const reply = await bus.request("inference-buffer.window", asked, WindowReply, {
        timeoutMs: this.windowTimeoutMs,
      });
      if (reply.rows > 0) {
        const { readWindow } = await import("../../shared/history/window.ts");
        const { times, values } = await readWindow(await bus.artifacts.fetch(reply.artifact));
        const now = this.context.clock.now();
        const good = (_: number, i: number) => refusal(times[i]!, values[i]!, this.source, now) === undefined;
        this.store.addHistory(times.filter(good), values.filter(good));
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

/** Feeds that several forecasters look at are followed once. */
export class SeriesFeeds {
  private readonly context: ServiceContext;
  private readonly windowTimeoutMs: number;
  private readonly feeds = new Map<string, { feed: SeriesFeed; users: number }>();

  constructor(context: ServiceContext, windowTimeoutMs: number) {
    this.context = context;
    this.windowTimeoutMs = windowTimeoutMs;
  }

  /** The feed of a source, which its user gives back with `leave`. */
  join({ series, metric, entity, bounds, calendar }: Source): {
    feed: SeriesFeed;
    leave: () => Promise<void>;
  } {
    const source: Source = { series, metric, bounds, calendar, ...(entity === undefined ? {} : { entity }) };
    const key = JSON.stringify([series, metric, entity, bounds.min, bounds.max, calendar]);
    const shared = this.feeds.get(key) ?? {
      feed: new SeriesFeed(this.context, source, this.windowTimeoutMs),
      users: 0,
    };
    this.feeds.set(key, shared);
    shared.users += 1;
    const leave = async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      this.feeds.delete(key);
      await shared.feed.stop();
    };
    return { feed: shared.feed, leave };
  }
}

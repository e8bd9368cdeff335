import { setTimeout as sleep } from "node:timers/promises";
import { AckPolicy, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { createInbox, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { type Message, parseJson } from "./message.ts";
import { whileUnavailable } from "./retry.ts";

export interface ReadOptions {
  readonly filter?: string;
  readonly fromSequence?: number;
  readonly fromTime?: Date;
}

const BATCH = 1_000;
const LEAST_BYTES = 4 * 2 ** 20;
/** Requests under way at once: the next batch travels while this one is worked on. */
const AHEAD = 2;
const EXPIRES_NS = 5_000_000_000;
const SILENT_MS = 6_000;
const FORGOTTEN_NS = 60_000_000_000;

/**
 * What a stream holds from somewhere on up to `lastSequence`, in order and each message once, in batches as they
 * arrive. A consumer without acks, asked for no more than is worked on; where it is lost, another one goes on
 * after the last message that was seen.
 *
 * @throws {UnavailableError} when the server does not answer for long
 */
export async function* replay(
  nc: NatsConnection,
  jsm: JetStreamManager,
  stream: string,
  options: ReadOptions,
  lastSequence: number,
): AsyncGenerator<readonly Message[]> {
  let from = options;
  for (;;) {
    const reader = await Reader.create(nc, jsm, stream, from, lastSequence);
    try {
      for (;;) {
        const batch = await reader.next();
        if (batch === undefined) break;
        yield batch;
      }
    } finally {
      await reader.close();
    }
    if (reader.isDone) return;
    if (reader.last > 0) from = { ...options, fromSequence: reader.last + 1 };
    await sleep(100);
  }
}

class Reader {
  /** Sequence of the last message that came; 0 before the first. */
  last = 0;
  isDone = false;
  private readonly nc: NatsConnection;
  private readonly subject: string;
  private readonly inbox = createInbox();
  private readonly subscription;
  private readonly remove: () => Promise<unknown>;
  private readonly lastSequence: number;
  private readonly maxBytes: number;
  /** Messages still to come for each request, oldest first, and its number. */
  private readonly requests: { readonly number: number; left: number }[] = [];
  private number = 0;
  private delivered = 0;
  private isBroken = false;
  private arrived: Message[] = [];
  private wake = () => {};
  private lastSign = performance.now();
  private readonly watchdog: NodeJS.Timeout;

  private constructor(
    nc: NatsConnection,
    consumer: { stream: string; name: string; pending: number },
    lastSequence: number,
    remove: () => Promise<unknown>,
  ) {
    this.nc = nc;
    this.subject = `$JS.API.CONSUMER.MSG.NEXT.${consumer.stream}.${consumer.name}`;
    this.lastSequence = lastSequence;
    this.remove = remove;
    // Twice the largest message: a request that admits none would end without one for ever.
    this.maxBytes = Math.max(LEAST_BYTES, 2 * (nc.info?.max_payload ?? 0));
    this.isDone = consumer.pending === 0;
    this.watchdog = setInterval(() => {
      if (this.requests.length === 0 || performance.now() - this.lastSign < SILENT_MS) return;
      this.isBroken = true;
      this.wake();
    }, SILENT_MS / 4);
    this.subscription = nc.subscribe(`${this.inbox}.*`, {
      callback: (error, msg) => {
        if (error === null) this.receive(msg);
      },
    });
  }

  static async create(
    nc: NatsConnection,
    jsm: JetStreamManager,
    stream: string,
    { filter, fromSequence = 1, fromTime }: ReadOptions,
    lastSequence: number,
  ): Promise<Reader> {
    const start =
      fromSequence > 1
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: fromSequence }
        : fromTime !== undefined
          ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: fromTime.toISOString() }
          : { deliver_policy: DeliverPolicy.All };
    const { name, num_pending } = await whileUnavailable(`read ${stream}`, () =>
      jsm.consumers.add(stream, {
        ...start,
        ...(filter === undefined ? {} : { filter_subject: filter }),
        ack_policy: AckPolicy.None,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: FORGOTTEN_NS,
      }),
    );
    const remove = () => jsm.consumers.delete(stream, name).catch(() => {});
    return new Reader(nc, { stream, name, pending: num_pending }, lastSequence, remove);
  }

  /** What has come since the last call, at least one message; undefined at the end, or where `isDone` is false when the consumer is lost. */
  async next(): Promise<readonly Message[] | undefined> {
    while (this.arrived.length === 0) {
      if (this.isDone || this.isBroken) return undefined;
      this.ask();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const batch = this.arrived;
    this.arrived = [];
    this.ask();
    return batch;
  }

  async close(): Promise<void> {
    clearInterval(this.watchdog);
    this.subscription.unsubscribe();
    await this.remove();
  }

  private ask(): void {
    while (!this.isDone && !this.isBroken && this.requests.length < AHEAD) {
      if (this.requests.length === 0) this.lastSign = performance.now();
      this.number += 1;
      this.requests.push({ number: this.number, left: BATCH });
      const body = { batch: BATCH, expires: EXPIRES_NS, max_bytes: this.maxBytes };
      this.nc.publish(this.subject, JSON.stringify(body), { reply: `${this.inbox}.${this.number}` });
    }
  }

  private receive(msg: Msg): void {
    if (this.isDone || this.isBroken) return;
    this.lastSign = performance.now();
    const reply = msg.reply;
    if (reply?.startsWith("$JS.ACK.")) this.take(msg, reply);
    else this.end(msg);
    this.wake();
  }

  private take(msg: Msg, reply: string): void {
    const { sequence, consumed, timeMs, pending } = parseAckSubject(reply);
    this.delivered += 1;
    if (consumed !== this.delivered) {
      this.isBroken = true;
      return;
    }
    const oldest = this.requests[0];
    if (oldest !== undefined) {
      oldest.left -= 1;
      if (oldest.left === 0) this.requests.shift();
    }
    if (sequence <= this.lastSequence) {
      this.last = sequence;
      this.arrived.push(new StreamMessage(msg.subject, sequence, msg.data, timeMs));
    }
    if (pending === 0 || sequence >= this.lastSequence) this.isDone = true;
  }

  /**
   * A request ended unfilled: 409 says that its bytes are used up, 408 that nothing came for long. Where more was
   * announced it has expired meanwhile, or the leader has changed: another consumer will know.
   */
  private end(msg: Msg): void {
    const code = msg.headers?.code ?? 0;
    if (code === 100) return;
    const number = Number(msg.subject.slice(this.inbox.length + 1));
    const i = this.requests.findIndex((request) => request.number === number);
    if (i >= 0) this.requests.splice(i, 1);
    if (code !== 409 || !/max ?bytes/i.test(msg.headers?.description ?? "")) this.isBroken = true;
  }
}

class StreamMessage implements Message {
  readonly subject: string;
  readonly sequence: number;
  readonly deliveries = 1;
  readonly data: Uint8Array;
  private readonly timeMs: number;

  constructor(subject: string, sequence: number, data: Uint8Array, timeMs: number) {
    this.subject = subject;
    this.sequence = sequence;
    this.data = data;
    this.timeMs = timeMs;
  }

  get time(): Date {
    return new Date(this.timeMs);
  }

  json(): unknown {
    return parseJson(this.subject, this.data);
  }
}

/**
 * What the reply subject of a delivery tells: `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer
 * seq>.<time ns>.<pending>`, with domain and account hash after `$JS.ACK`, and more at the end, where the server
 * has them (ADR-15).
 */
export function parseAckSubject(reply: string): {
  sequence: number;
  consumed: number;
  timeMs: number;
  pending: number;
} {
  const dots: number[] = [];
  for (let at = reply.indexOf("."); at >= 0; at = reply.indexOf(".", at + 1)) dots.push(at);
  const first = dots.length >= 10 ? 5 : 3;
  const token = (n: number) => reply.slice(dots[first + n]! + 1, dots[first + n + 1] ?? reply.length);
  return {
    sequence: Number(token(1)),
    consumed: Number(token(2)),
    timeMs: Number(token(3).slice(0, -6)),
    pending: Number(token(4)),
  };
}

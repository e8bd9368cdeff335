import {
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  type StoredMsg,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import type { Log } from "../log.ts";
import { type Message, message } from "./message.ts";
import { type ReadOptions, replay } from "./replay.ts";
import { whileUnavailable } from "./retry.ts";
import type { StreamName } from "./topology.ts";

export interface StreamState {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly messages: number;
  /** Time of the stream's creation: sequences of a stream created anew mean other messages. */
  readonly created: string;
}

/** Reading streams without a durable consumer: replay, audit, projections. */
export class Streams {
  private readonly nc: NatsConnection;
  private readonly js: JetStreamClient;
  private readonly jsm: JetStreamManager;
  private readonly log: Log;

  constructor(nc: NatsConnection, js: JetStreamClient, jsm: JetStreamManager, log: Log) {
    this.nc = nc;
    this.js = js;
    this.jsm = jsm;
    this.log = log;
  }

  async state(stream: StreamName): Promise<StreamState> {
    const info = await whileUnavailable(`stream ${stream}`, () => this.jsm.streams.info(stream));
    const { first_seq, last_seq, messages } = info.state;
    return { firstSequence: first_seq, lastSequence: last_seq, messages, created: info.created };
  }

  /** The newest message on a subject, read from the stream's leader, so it is never a stale one. */
  async last(stream: StreamName, subject: string): Promise<Message | undefined> {
    const stored = await whileUnavailable(`last message on '${subject}'`, () =>
      this.jsm.streams.getMessage(stream, { last_by_subj: subject }),
    );
    return stored === null ? undefined : fromStored(stored);
  }

  /** The message of one sequence; undefined where it is gone or never was. */
  async at(stream: StreamName, sequence: number): Promise<Message | undefined> {
    const stored = await whileUnavailable(`message ${sequence} of ${stream}`, () =>
      this.jsm.streams.getMessage(stream, { seq: sequence }),
    );
    return stored === null ? undefined : fromStored(stored);
  }

  /** What the stream holds now, in order; ends there. */
  async *read(stream: StreamName, options: ReadOptions = {}): AsyncGenerator<Message> {
    for await (const batch of this.readBatches(stream, options)) yield* batch;
  }

  /** The same in batches as they come, for reading much: half the cost of a message is in handing it over alone. */
  async *readBatches(stream: StreamName, options: ReadOptions = {}): AsyncGenerator<readonly Message[]> {
    const { lastSequence } = await this.state(stream);
    yield* replay(this.nc, this.jsm, stream, options, lastSequence);
  }

  /**
   * Hands over messages in order, first what is there and then what comes, each once per call of `follow`.
   * Survives reconnects. `fromSequence` skips what is known already; absent: from the beginning. An error of
   * `handler` is logged and the reading goes on: a projection must not stop at one bad message.
   */
  async follow(
    stream: StreamName,
    options: ReadOptions,
    handler: (message: Message) => void | Promise<void>,
  ): Promise<{ stop(): Promise<void> }> {
    const consumer = await whileUnavailable(`follow ${stream}`, () =>
      this.js.consumers.get(stream, ordered(options)),
    );
    const messages = await consumer.consume({ max_messages: 1_000 });
    const loop = (async () => {
      for await (const each of messages) {
        try {
          await handler(fromJs(each));
        } catch (err) {
          this.log.error(
            { err, stream, subject: each.subject, sequence: each.seq },
            "message could not be handled",
          );
        }
      }
    })();
    return {
      async stop() {
        messages.stop();
        await loop;
      },
    };
  }
}

function ordered({ filter, fromSequence, fromTime }: ReadOptions) {
  const start =
    fromSequence !== undefined && fromSequence > 1
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: fromSequence }
      : fromTime !== undefined
        ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: fromTime.toISOString() }
        : { deliver_policy: DeliverPolicy.All };
  return filter === undefined ? start : { ...start, filter_subjects: filter };
}

export function fromJs(each: JsMsg): Message {
  const { subject, seq, data, info, timestamp } = each;
  return message({
    subject,
    sequence: seq,
    data,
    time: new Date(timestamp),
    deliveries: info.deliveryCount,
  });
}

function fromStored({ subject, seq, data, time }: StoredMsg): Message {
  return message({ subject, sequence: seq, data, time, deliveries: 1 });
}

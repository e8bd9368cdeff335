import { setTimeout as sleep } from "node:timers/promises";
import { AckPolicy, DeliverPolicy, JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { explain, InvalidInputError, RetuneError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Delivery } from "./delivery.ts";
import type { Message } from "./message.ts";
import { Pull, type PullEnd } from "./pull.ts";
import { whileUnavailable } from "./retry.ts";
import type { StreamName } from "./topology.ts";

export interface ConsumeOptions {
  readonly stream: StreamName;
  readonly durable: string;
  /** One subject filter: servers before 2.10 know no more. */
  readonly filter: string;
  /** Most messages handed over at once (default 1). */
  readonly batch?: number;
  /** How long to wait for a batch to fill once it has its first message (default: for what the socket has now). */
  readonly lingerMs?: number;
  /** Batches in work at the same time (default 1). */
  readonly concurrency?: number;
  /** Deliveries after which a message becomes a dead letter (default 8). */
  readonly maxDeliver?: number;
  /** How long the server waits for an ack or a sign of life (default 10 s). */
  readonly ackWaitMs?: number;
  /** Where a new durable starts (default all). */
  readonly deliver?: "all" | "new";
  /** Ack a batch with one ack of its last message. Only where this process alone reads the durable. */
  readonly ackAll?: boolean;
  readonly handler: (messages: readonly Message[]) => Promise<void>;
}

export interface Consumption {
  /** Stops pulling, lets the batches in work end, gives the rest back. */
  stop(): Promise<void>;
}

/** Delay before the 2nd, 3rd, … delivery; the last one repeats. */
export const RETRY_DELAYS_MS: readonly number[] = [200, 1_000, 5_000, 15_000, 30_000, 60_000];

/** Writes the dead-letter record; resolves once it is stored. */
export type Bury = (options: ConsumeOptions, message: Message, error: unknown) => Promise<void>;

/**
 * A durable pull loop. Each batch goes to the handler and is settled by what the handler does:
 *
 *     resolves                                      ack
 *     throws a RetuneError that says `terminate`    dead letter, then term: redelivery cannot help
 *     throws anything else                          nak with a growing delay; dead letter after `maxDeliver`
 *
 * Delivery is at least once: an ack is no lease and not durable at once (a killed server may redeliver what
 * was acked within the last 100 ms), so effects have to be idempotent. While a handler runs, a timer tells the
 * server so; it only helps if the handler leaves the event loop free. A batch with a hopeless message, or that
 * fails again and again, is handed over once more one message at a time, so that a bad one cannot hold up its
 * neighbours.
 */
export class DurableConsumer implements Consumption {
  private readonly nc: NatsConnection;
  private readonly jsm: JetStreamManager;
  private readonly options: ConsumeOptions;
  private readonly bury: Bury;
  private readonly log: Log;
  private readonly held = new Set<Delivery>();
  private readonly queue: Delivery[] = [];
  private readonly inWork = new Set<Promise<void>>();
  private readonly alive: NodeJS.Timeout;
  private pull: Pull | undefined;
  private stopLingering: (() => void) | undefined;
  private stopping = false;

  constructor(nc: NatsConnection, jsm: JetStreamManager, options: ConsumeOptions, bury: Bury, log: Log) {
    this.nc = nc;
    this.jsm = jsm;
    this.options = options;
    this.bury = bury;
    this.log = log.child({ stream: options.stream, durable: options.durable });
    this.alive = setInterval(() => {
      for (const each of this.held) each.working();
    }, ackWait(options) / 3);
  }

  async start(): Promise<void> {
    const { stream, durable } = this.options;
    await this.ensureConsumer();
    this.pull = new Pull(
      this.nc,
      { stream, durable },
      {
        onDelivery: (delivery) => this.take(delivery),
        onEnd: (end) => void this.resume(end),
      },
    );
    this.ask();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.pull?.close();
    this.stopLingering?.();
    for (const each of this.queue.splice(0)) {
      each.nak(0);
      this.held.delete(each);
    }
    while (this.inWork.size > 0) await Promise.allSettled(this.inWork);
    clearInterval(this.alive);
  }

  /** For the connection's owner: what was asked for before a reconnect will never come. */
  reconnected(): void {
    this.pull?.abandon();
    void this.resume("silent");
  }

  private async ensureConsumer(): Promise<void> {
    const { stream, durable, filter, batch = 1, concurrency = 1, deliver, ackAll } = this.options;
    const wanted = {
      ack_policy: ackAll ? AckPolicy.All : AckPolicy.Explicit,
      ack_wait: ackWait(this.options) * 1e6,
      deliver_policy: deliver === "new" ? DeliverPolicy.New : DeliverPolicy.All,
      max_ack_pending: Math.max(1_000, 4 * batch * concurrency),
      max_deliver: -1,
    };
    await whileUnavailable(`consumer '${durable}'`, async () => {
      const found = await this.jsm.consumers.info(stream, durable).catch((error: unknown) => {
        if (error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND) return undefined;
        throw error;
      });
      if (found !== undefined) {
        const { filter_subject, ack_policy } = found.config;
        if (filter_subject !== filter) {
          throw new InvalidInputError(
            `consumer '${durable}' filters '${filter_subject}', expected '${filter}'`,
          );
        }
        if (ack_policy !== wanted.ack_policy) {
          throw new InvalidInputError(
            `consumer '${durable}' has ack policy '${ack_policy}', expected '${wanted.ack_policy}'`,
          );
        }
        // The signs of life are timed by our ack wait, so the server's must be the same.
        const { ack_wait, max_ack_pending } = wanted;
        const isSame = found.config.ack_wait === ack_wait && found.config.max_ack_pending === max_ack_pending;
        if (!isSame) await this.jsm.consumers.update(stream, durable, { ack_wait, max_ack_pending });
        return;
      }
      await this.jsm.consumers.add(stream, { durable_name: durable, filter_subject: filter, ...wanted });
    });
  }

  private async resume(end: PullEnd): Promise<void> {
    if (this.stopping) return;
    if (end === "consumer-gone" || end === "silent") {
      await sleep(200);
      await this.ensureConsumer().catch((err: unknown) => this.log.error({ err }, "consumer is not there"));
    }
    this.ask();
  }

  /** Asks for what can be worked on now; a big batch is fetched ahead while its predecessor is in work. */
  private ask(): void {
    const { batch = 1, concurrency = 1 } = this.options;
    if (this.stopping || this.pull === undefined || this.pull.outstanding > 0) return;
    const busy = batch > 1 ? 0 : this.inWork.size;
    const room = batch * concurrency - this.queue.length - busy;
    if (room > 0) this.pull.request(room);
  }

  private take(delivery: Delivery): void {
    this.held.add(delivery);
    this.queue.push(delivery);
    this.dispatch();
  }

  private dispatch(): void {
    const { batch = 1, concurrency = 1 } = this.options;
    if (this.stopping || this.queue.length === 0 || this.inWork.size >= concurrency) return;
    if (this.queue.length < batch) this.stopLingering ??= this.linger();
    else this.work();
  }

  private linger(): () => void {
    const { lingerMs = 0 } = this.options;
    if (lingerMs > 0) {
      const timer = setTimeout(() => this.work(), lingerMs);
      return () => clearTimeout(timer);
    }
    const turn = setImmediate(() => this.work());
    return () => clearImmediate(turn);
  }

  private work(): void {
    const { batch = 1, concurrency = 1 } = this.options;
    this.stopLingering?.();
    this.stopLingering = undefined;
    if (this.stopping || this.queue.length === 0 || this.inWork.size >= concurrency) return;
    const work = this.settle(this.queue.splice(0, batch)).finally(() => {
      this.inWork.delete(work);
      this.dispatch();
      this.ask();
    });
    this.inWork.add(work);
    this.ask();
  }

  private async settle(batch: readonly Delivery[]): Promise<void> {
    try {
      await this.options.handler(batch.map((each) => each.message));
      if (this.options.ackAll) batch.at(-1)?.ack();
      else for (const each of batch) each.ack();
    } catch (error) {
      const suspectsOne = isHopeless(error) || batch.some((each) => each.message.deliveries >= 3);
      if (batch.length > 1 && suspectsOne) for (const each of batch) await this.settle([each]);
      else for (const each of batch) await this.refuse(each, error);
    } finally {
      for (const each of batch) this.held.delete(each);
    }
  }

  private async refuse(each: Delivery, error: unknown): Promise<void> {
    const { maxDeliver = 8 } = this.options;
    const { subject, sequence, deliveries } = each.message;
    const fields = { err: error, subject, sequence, deliveries };
    if (!isHopeless(error) && deliveries < maxDeliver) {
      const delayMs = RETRY_DELAYS_MS[Math.min(deliveries, RETRY_DELAYS_MS.length) - 1]!;
      this.log.warn({ ...fields, delayMs }, "will try again");
      each.nak(delayMs);
      return;
    }
    try {
      await this.bury(this.options, each.message, error);
      this.log.error(fields, "dead letter");
      each.term();
    } catch (buryError) {
      this.log.error(
        { ...fields, err: buryError, first: explain(error) },
        "dead letter could not be written, will try again",
      );
      each.nak(RETRY_DELAYS_MS.at(-1)!);
    }
  }
}

const CONSUMER_NOT_FOUND = 10014;

function ackWait({ ackWaitMs = 10_000 }: ConsumeOptions): number {
  return ackWaitMs;
}

function isHopeless(error: unknown): boolean {
  return error instanceof RetuneError && error.disposition === "terminate";
}

import { createInbox, type Msg, type NatsConnection, type Subscription } from "@nats-io/nats-core";
import { type Delivery, toDelivery } from "./delivery.ts";

const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 5_000;

/** Why a pull ended other than by being filled. */
export type PullEnd = "expired" | "silent" | "consumer-gone";

/**
 * Pulls of one consumer, one at a time, on an inbox of its own.
 *
 * The client library's `consume()` always fetches ahead of the reader; what lies in its buffer while a handler
 * works for minutes outlives its ack wait and is delivered elsewhere. Here nothing arrives that was not asked
 * for, and whoever asked holds it and can say `working`.
 */
export class Pull {
  private readonly nc: NatsConnection;
  private readonly subject: string;
  private readonly inbox = createInbox();
  private readonly subscription: Subscription;
  private readonly onDelivery: (delivery: Delivery) => void;
  private readonly onEnd: (end: PullEnd) => void;
  private left = 0;
  private number = 0;
  private lastSign = 0;
  private readonly watchdog: NodeJS.Timeout;

  constructor(
    nc: NatsConnection,
    target: { stream: string; durable: string },
    handlers: { onDelivery: (delivery: Delivery) => void; onEnd: (end: PullEnd) => void },
  ) {
    this.nc = nc;
    this.subject = `$JS.API.CONSUMER.MSG.NEXT.${target.stream}.${target.durable}`;
    this.onDelivery = handlers.onDelivery;
    this.onEnd = handlers.onEnd;
    this.subscription = nc.subscribe(`${this.inbox}.*`, {
      callback: (error, msg) => {
        if (error === null) this.receive(msg);
      },
    });
    this.watchdog = setInterval(() => {
      if (this.left > 0 && performance.now() - this.lastSign > 2.5 * HEARTBEAT_MS) this.end("silent");
    }, HEARTBEAT_MS);
    this.watchdog.unref();
  }

  /** Messages asked for and not here yet. */
  get outstanding(): number {
    return this.left;
  }

  /** Asks for up to `count` messages. Only while nothing is outstanding. */
  request(count: number): void {
    this.number += 1;
    this.left = count;
    this.lastSign = performance.now();
    const body = { batch: count, expires: EXPIRES_MS * 1e6, idle_heartbeat: HEARTBEAT_MS * 1e6 };
    this.nc.publish(this.subject, JSON.stringify(body), { reply: `${this.inbox}.${this.number}` });
  }

  /** Forgets what was asked for: after a reconnect the server has, too. */
  abandon(): void {
    this.left = 0;
    this.number += 1;
  }

  close(): void {
    clearInterval(this.watchdog);
    this.subscription.unsubscribe();
    this.left = 0;
  }

  private receive(msg: Msg): void {
    this.lastSign = performance.now();
    const code = msg.headers?.code ?? 0;
    const isStatus = msg.data.length === 0 && code >= 100 && !msg.reply?.startsWith("$JS.ACK.");
    if (!isStatus) {
      // A message of an earlier pull counts, too: it was asked for.
      this.left = Math.max(0, this.left - 1);
      this.onDelivery(toDelivery(this.nc, msg));
      return;
    }
    const ofThisPull = msg.subject === `${this.inbox}.${this.number}`;
    if (code === 100 || !ofThisPull || this.left === 0) return;
    this.end(code === 404 || code === 408 ? "expired" : "consumer-gone");
  }

  private end(why: PullEnd): void {
    this.left = 0;
    this.onEnd(why);
  }
}

import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { type Message, message } from "./message.ts";

/** A message of a durable consumer with the means to settle it. Settling twice does nothing. */
export interface Delivery {
  readonly message: Message;
  ack(): void;
  nak(delayMs: number): void;
  /** Never again. Without a reason: servers before 2.10.4 ignore a term that carries one. */
  term(): void;
  /** Still at it: the ack wait starts anew. */
  working(): void;
}

/**
 * Reads a delivery off its reply subject, which names stream, consumer, deliveries, sequences and time:
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time ns>.<pending>`, with domain and
 * account hash after `$JS.ACK` where the server has them (ADR-15).
 */
export function toDelivery(nc: NatsConnection, msg: Msg): Delivery {
  const reply = msg.reply ?? "";
  const tokens = reply.split(".");
  const at = tokens.length >= 11 ? 4 : 2;
  const [deliveries, sequence, , timeNs] = tokens.slice(at + 2);
  let settled = false;
  const settle = (payload: string) => {
    if (settled) return;
    settled = true;
    nc.publish(reply, payload);
  };
  return {
    message: message({
      subject: msg.subject,
      data: msg.data,
      sequence: Number(sequence),
      deliveries: Number(deliveries),
      time: new Date(Number(timeNs) / 1e6),
    }),
    ack: () => settle("+ACK"),
    nak: (delayMs) => settle(`-NAK {"delay":${Math.round(delayMs * 1e6)}}`),
    term: () => settle("+TERM"),
    working: () => {
      if (!settled) nc.publish(reply, "+WPI");
    },
  };
}

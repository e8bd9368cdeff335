import type { Consumption } from "../../shared/bus/consume.ts";
import type { Message } from "../../shared/bus/message.ts";
import { Alert } from "../../shared/contracts/alerts.ts";
import { explain, UnavailableError } from "../../shared/errors.ts";
import { parseEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { Channel, Delivery } from "./channels/channel.ts";
import type { AlertRule } from "./decide.ts";
import { ruleOf } from "./rules.ts";

/** How old an alert gets before a channel that refuses it is left alone: a mail relay may be out for a night. */
const TRIED_FOR_MS = 86_400_000;
/** Attempts that an alert gets however old it is: one that is read late is not given up at the first refusal. */
const LEAST_ATTEMPTS = 15;
/** Attempts after which it is given up whatever its time says. The pauses are a minute: more than fit in a day. */
const MOST_ATTEMPTS = 1_500;
/** Older alerts are history: a notifier that is new to an old stream must not mail years of it. */
export const NEWS_FOR_MS = 7 * 86_400_000;

/** One dead letter each, as the bus raises them. */
const LETTERS = "alert.raised.dead-letter.";

type Desk = Pick<ServiceContext, "bus" | "clock" | "log">;

export interface ChannelCounts {
  delivered: number;
  refused: number; // single attempts
  gave_up: number; // alerts
}

/**
 * Hands alerts to one channel. Each channel has a durable consumer of its own and several alerts in work, so
 * a channel that refuses, or an alert it refuses, holds up nothing else. What is refused comes again after a
 * pause that the bus lets grow to a minute, until the alert is older than `TRIED_FOR_MS` and was refused
 * `LEAST_ATTEMPTS` times, or was refused `MOST_ATTEMPTS` times. Then it is given up with a line in the log. The
 * alert itself stays in the stream.
 */
export function deliverTo(
  channel: Channel,
  desk: Desk,
  rules: readonly AlertRule[],
  counts: ChannelCounts,
): Promise<Consumption> {
  return desk.bus.consume({
    stream: "DECISIONS",
    durable: `notifier-${channel.name}`,
    filter: "alert.raised.>",
    concurrency: 8,
    maxDeliver: MOST_ATTEMPTS + 1,
    handler: ([message]) => deliverOne(channel, message!, desk, rules, counts),
  });
}

/** @throws {UnavailableError} the channel refused, and it is tried again */
export async function deliverOne(
  channel: Channel,
  message: Message,
  { clock, log }: Pick<Desk, "clock" | "log">,
  rules: readonly AlertRule[],
  counts: ChannelCounts,
): Promise<void> {
  if (message.subject.startsWith(LETTERS)) return; // people are told of groups of them
  const delivery = readAlert(message);
  const where = { channel: channel.name, subject: message.subject, sequence: message.sequence };
  if (typeof delivery === "string") return log.warn(where, delivery);
  const channels: readonly Channel["name"][] = ruleOf(rules, delivery.alert)?.channels ?? ["log"];
  if (!channels.includes(channel.name)) return;
  const facts = { ...where, alert: delivery.id, rule: delivery.alert.rule, about: delivery.alert.about };
  const ageMs = clock.now() - Date.parse(delivery.time);
  if (ageMs > NEWS_FOR_MS) return log.info(facts, "alert is too old to be delivered");
  try {
    await channel.deliver(delivery);
    counts.delivered += 1;
  } catch (error) {
    counts.refused += 1;
    if (isTriedAgain(ageMs, message.deliveries))
      throw new UnavailableError(`${channel.name} refused alert ${delivery.id}`, { cause: error });
    // A dead letter would be an alert about an alert, and go the same way.
    counts.gave_up += 1;
    log.error(
      { ...facts, err: error, attempts: message.deliveries },
      `alert could not be delivered, given up: ${explain(error)}`,
    );
  }
}

function isTriedAgain(ageMs: number, attempts: number): boolean {
  if (attempts >= MOST_ATTEMPTS) return false;
  return ageMs <= TRIED_FOR_MS || attempts < LEAST_ATTEMPTS;
}

/** The alert in a message, or what is wrong with it. Anybody may publish on these subjects. */
function readAlert(message: Message): Delivery | string {
  try {
    const { id, time, data: alert } = parseEvent(message, Alert);
    return { id, time, alert };
  } catch (error) {
    return `no alert can be read from the message: ${explain(error)}`;
  }
}

import type { Message } from "../../shared/bus/message.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { StreamEra } from "./stream-era.ts";

/** Messages after which the server is asked again. The sets of handled sequences grow by about as many. */
const ASK_AFTER = 500;

/**
 * Up to which sequence every message of a durable consumer was acknowledged, whichever processes share it. The answer
 * may be old, which is safe: an ack floor only rises, as long as the stream is the same.
 */
export class AckFloor {
  private readonly context: Pick<ServiceContext, "bus" | "log">;
  private readonly era: StreamEra;
  private readonly durable: string;
  private known = 0;
  private knownOf: string | undefined;
  private taken = ASK_AFTER;
  private newest = 0;

  constructor(context: Pick<ServiceContext, "bus" | "log">, era: StreamEra, durable: string) {
    this.context = context;
    this.era = era;
    this.durable = durable;
  }

  /**
   * The floor as known when more messages have come; the server is asked now and then. Messages come for the first
   * time in the order of their sequences: where they do not, the stream may be a new one.
   */
  async after(messages: readonly Message[]): Promise<number> {
    const first = messages.filter(({ deliveries }) => deliveries === 1).map(({ sequence }) => sequence);
    if (first.length > 0) {
      if (first[0]! <= this.newest) await this.era.refresh();
      this.newest = first.at(-1)!;
    }
    this.taken += messages.length;
    return this.taken < ASK_AFTER && this.knownOf === this.era.created ? this.known : this.now();
  }

  /** The floor as the server knows it, or the last one known where it does not answer. */
  async now(): Promise<number> {
    try {
      const { created } = await this.era.refresh();
      const floor = await this.context.bus.ackFloor(this.era.stream, this.durable);
      this.known = created === this.knownOf ? Math.max(this.known, floor) : floor;
      this.knownOf = created;
      this.taken = 0;
    } catch (err) {
      this.context.log.debug({ err, durable: this.durable }, "ack floor unknown");
    }
    return this.knownOf === this.era.created ? this.known : 0;
  }
}

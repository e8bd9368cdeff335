import type { StreamName } from "../../shared/bus/topology.ts";
import type { ServiceContext } from "../../shared/service.ts";

/** Messages after which the server is asked again. The sets of handled sequences grow by about as many. */
const ASK_AFTER = 500;

/**
 * Up to which sequence every message of a durable consumer was acknowledged, whichever processes share it. The answer
 * may be old, which is safe: an ack floor only rises.
 */
export class AckFloor {
  private readonly context: Pick<ServiceContext, "bus" | "log">;
  private readonly stream: StreamName;
  private readonly durable: string;
  private known = 0;
  private taken = ASK_AFTER;

  constructor(context: Pick<ServiceContext, "bus" | "log">, stream: StreamName, durable: string) {
    this.context = context;
    this.stream = stream;
    this.durable = durable;
  }

  /** The floor as known when `count` more messages have come; the server is asked now and then. */
  async after(count: number): Promise<number> {
    this.taken += count;
    return this.taken < ASK_AFTER ? this.known : this.now();
  }

  /** The floor as the server knows it, or the last one known where it does not answer. */
  async now(): Promise<number> {
    try {
      this.known = Math.max(this.known, await this.context.bus.ackFloor(this.stream, this.durable));
      this.taken = 0;
    } catch (err) {
      this.context.log.debug({ err, durable: this.durable }, "ack floor unknown");
    }
    return this.known;
  }
}

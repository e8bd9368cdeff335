import type { NatsConnection } from "@nats-io/nats-core";

/** A second connection, opened when it is first needed and kept from then on. */
export class SideLine {
  private readonly dial: () => Promise<NatsConnection>;
  private opened: Promise<NatsConnection> | undefined;

  constructor(dial: () => Promise<NatsConnection>) {
    this.dial = dial;
  }

  /** @throws as `connectBus`; the next call tries again */
  open(): Promise<NatsConnection> {
    this.opened ??= this.dial().catch((error: unknown) => {
      this.opened = undefined;
      throw error;
    });
    return this.opened;
  }

  /** Ends what is under way on it. */
  async close(): Promise<void> {
    const opened = await this.opened?.catch(() => undefined);
    await opened?.close();
  }
}

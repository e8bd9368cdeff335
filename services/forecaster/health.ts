import type { Health } from "../../shared/contracts/telemetry.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { ServiceContext } from "../../shared/service.ts";

/** Median of the last 100 durations. */
export class LatencyWindow {
  private readonly kept: number[] = [];
  private next = 0;

  add(ms: number): void {
    this.kept[this.next] = ms;
    this.next = (this.next + 1) % 100;
  }

  get p50(): number | null {
    if (this.kept.length === 0) return null;
    const sorted = this.kept.toSorted((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  }
}

/**
 * Publishes one forecaster's heartbeat, every interval and at once when asked. While the bus does not answer,
 * heartbeats do not pile up: the newest goes out when it is back.
 */
export class Heartbeat {
  private readonly context: Pick<ServiceContext, "bus" | "log">;
  private readonly forecaster: string;
  private readonly read: () => Health;
  private readonly timer: NodeJS.Timeout;
  /** A forecaster that is started again in the same process must not be taken for a repeat of itself. */
  private readonly id = newUuidV7();
  private count = 0;
  private publishing: Promise<void> | undefined;
  private again = false;
  private stopped = false;

  constructor(
    context: Pick<ServiceContext, "bus" | "log">,
    forecaster: string,
    intervalMs: number,
    read: () => Health,
  ) {
    this.context = context;
    this.forecaster = forecaster;
    this.read = read;
    this.timer = setInterval(() => this.beat(), intervalMs);
    this.timer.unref();
  }

  beat(): void {
    if (this.stopped) return;
    if (this.publishing !== undefined) {
      this.again = true;
      return;
    }
    this.publishing = this.publish().finally(() => {
      this.publishing = undefined;
      if (this.again) {
        this.again = false;
        this.beat();
      }
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.publishing;
  }

  private async publish(): Promise<void> {
    const { bus, log } = this.context;
    this.count += 1;
    try {
      await bus.publishTelemetry("health", this.forecaster, [this.read()], `${this.id}:${this.count}`);
    } catch (err) {
      log.warn({ err, forecaster: this.forecaster }, "heartbeat could not be published");
    }
  }
}

const RSS_AGE_MS = 1_000;
let rss = { mb: 0, atMs: -Infinity };

/** Of this process, at most a second old: the system counts its pages each time it is asked. */
export function rssMb(): number {
  const atMs = performance.now();
  if (atMs - rss.atMs > RSS_AGE_MS) rss = { mb: Math.round(process.memoryUsage.rss() / 2 ** 18) / 4, atMs };
  return rss.mb;
}

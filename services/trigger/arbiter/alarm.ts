import type { ServiceContext } from "../../../shared/service.ts";

/** Real time until what is still due after it was dealt with is tried again. */
const RETRY_MS = 1_000;

/** Calls `ring` for each id when its time has come on the context's clock, one after the other. */
export class Alarm {
  private readonly context: Pick<ServiceContext, "clock" | "log">;
  private readonly ring: (id: string) => Promise<void>;
  private readonly times = new Map<string, number>();
  private ringing: Promise<void> | undefined;
  private cancel = () => {};
  private stopped = false;

  constructor(context: Pick<ServiceContext, "clock" | "log">, ring: (id: string) => Promise<void>) {
    this.context = context;
    this.ring = ring;
  }

  /** Rings for `id` at `atMs`, at once where that is past, or not at all for null; replaces what was set for it. */
  set(id: string, atMs: number | null): void {
    if (atMs === null) this.times.delete(id);
    else this.times.set(id, atMs);
    if (this.ringing === undefined) this.arm(0);
  }

  /** Rings for all that is due now: for a machine that slept, whose timers come late. */
  check(): Promise<void> {
    this.ringing ??= this.ringAll().finally(() => {
      this.ringing = undefined;
      this.arm(RETRY_MS);
    });
    return this.ringing;
  }

  /** Resolves when nobody is being rung for any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancel();
    await this.ringing;
  }

  private async ringAll(): Promise<void> {
    const nowMs = this.context.clock.now();
    const due = [...this.times].filter(([, atMs]) => atMs <= nowMs).map(([id]) => id);
    for (const id of due) {
      if (this.stopped) return;
      this.times.delete(id);
      try {
        await this.ring(id);
      } catch (err) {
        this.context.log.error({ err, id }, "what was due could not be done");
      }
    }
  }

  /** @param overdueMs real time to wait for what is due already */
  private arm(overdueMs: number): void {
    this.cancel();
    if (this.stopped || this.times.size === 0) return;
    const { clock } = this.context;
    const waitMs = Math.min(...this.times.values()) - clock.now();
    if (waitMs > 0) {
      this.cancel = clock.every(waitMs, () => this.check());
      return;
    }
    const timer = setTimeout(() => void this.check(), overdueMs);
    this.cancel = () => clearTimeout(timer);
  }
}

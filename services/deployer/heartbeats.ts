import { Health } from "../../shared/contracts/telemetry.ts";
import type { InstanceHealth } from "./watch.ts";

interface Heard {
  readonly health: Health;
  readonly atMs: number; // machine time
  readonly usualGapMs: number;
}

const LEAST_PATIENCE_MS = 20_000;
const MISSED_BEATS = 3;
const FORGOTTEN_AFTER_MS = 600_000;

/**
 * The newest heartbeat of every instance. They come at intervals of the machine's clock, whatever the domain's
 * clock does, so their age is machine time.
 */
export class Heartbeats {
  private readonly heard = new Map<string, Map<string, Heard>>();
  private readonly listeners = new Set<() => void>();

  /** Takes what came on `telemetry.health.<forecaster>`: one record or several. Invalid ones are left out. */
  record(forecaster: string, payload: unknown, atMs: number): void {
    const instances = this.heard.get(forecaster) ?? new Map<string, Heard>();
    this.heard.set(forecaster, instances);
    for (const each of Array.isArray(payload) ? payload : [payload]) {
      const { data: health } = Health.safeParse(each);
      if (health === undefined) continue;
      const last = instances.get(health.instance);
      const gapMs = last === undefined ? 0 : atMs - last.atMs;
      // A beat out of turn, at a hot swap, must not make the usual gap look short at once.
      const usualGapMs = Math.max(gapMs, (last?.usualGapMs ?? 0) * 0.9);
      instances.set(health.instance, { health, atMs, usualGapMs: Math.min(usualGapMs, FORGOTTEN_AFTER_MS) });
    }
    for (const [instance, { atMs: lastMs }] of instances)
      if (atMs - lastMs > FORGOTTEN_AFTER_MS) instances.delete(instance);
    for (const listener of this.listeners) listener();
  }

  /** Fresh is what came within three usual gaps, and in any case within 20 s. */
  of(forecaster: string, nowMs: number): InstanceHealth[] {
    return [...(this.heard.get(forecaster)?.values() ?? [])].map(({ health, atMs, usualGapMs }) => {
      const { instance, status, live_revision, error } = health;
      const fresh = nowMs - atMs <= Math.max(LEAST_PATIENCE_MS, MISSED_BEATS * usualGapMs);
      return { instance, status, live_revision, fresh, ...(error === undefined ? {} : { error }) };
    });
  }

  /**
   * Resolves when every fresh instance says it serves `revision`, at the latest at `deadlineMs` (machine time).
   * A virtual clock may be days on before a real forecaster could swap; whoever waits here holds it back.
   */
  async settled(forecaster: string, revision: number, deadlineMs: number): Promise<void> {
    const isSettled = () => {
      const fresh = this.of(forecaster, Date.now()).filter((each) => each.fresh);
      return fresh.length > 0 && fresh.every(({ live_revision }) => live_revision >= revision);
    };
    const leftMs = deadlineMs - Date.now();
    if (leftMs <= 0 || isSettled()) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.listeners.delete(listener);
        resolve();
      };
      const listener = () => {
        if (isSettled()) done();
      };
      const timer = setTimeout(done, leftMs);
      this.listeners.add(listener);
    });
  }
}

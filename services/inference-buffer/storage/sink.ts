import { setTimeout as sleep } from "node:timers/promises";
import { explain, UnavailableError } from "../../../shared/errors.ts";
import type { History } from "../../../shared/history/history.ts";
import type { Log } from "../../../shared/log.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Segment } from "./segment.ts";

export interface SinkOptions {
  readonly history: Pick<History, "append">;
  readonly quarantine: Pick<Quarantine, "append">;
  readonly log: Log;
  readonly reportHealth: (name: string, problem: string | null) => void;
  readonly flushMs: number;
  readonly flushRows: number;
}

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** Waiters after which a part is written at once: more cannot come while these wait for their acks. */
const MOST_WAITERS = 24;
/** Parts' worth of records that may wait in memory while one is written. */
const MOST_AHEAD = 10;
const RETRY_DELAYS_MS: readonly number[] = [100, 500, 2_000, 5_000];

/**
 * Writes segments in groups: one part for what came within `flushMs`, or sooner when there is much of it.
 * A disk that is full or fails is waited for, and meanwhile nothing counts as durable.
 */
export class Sink {
  private readonly options: SinkOptions;
  private open: Segment[] = [];
  private waiters: Waiter[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private rowsInWriting = 0;
  private refusedInWriting = 0;
  private stopping = false;

  constructor(options: SinkOptions) {
    this.options = options;
  }

  /** The open segments, to be filled by whoever takes messages in. */
  get segments(): Segment[] {
    return this.open;
  }

  /** Whether enough is open for a part: what was refused waits in memory like what was taken. */
  get isFull(): boolean {
    return recordsOf(this.open) >= this.options.flushRows;
  }

  /** Rows that no file has yet. */
  get rows(): number {
    return rowsOf(this.open) + this.rowsInWriting;
  }

  /** Resolves when everything that is in the open segments now is durable. */
  durable(): Promise<void> {
    if (this.open.length === 0) return this.writing;
    const done = new Promise<void>((resolve, reject) => this.waiters.push({ resolve, reject }));
    if (this.stopping || this.isFull || this.waiters.length >= MOST_WAITERS) this.write();
    else this.timer ??= setTimeout(() => this.write(), this.options.flushMs);
    return done;
  }

  /**
   * For reading fast from behind: writes when nothing is being written, so that parts get larger the further the
   * reading is ahead of the disk, and waits when it is too far ahead.
   */
  async room(): Promise<void> {
    if (this.rowsInWriting + this.refusedInWriting > 0) {
      if (recordsOf(this.open) < MOST_AHEAD * this.options.flushRows) return;
      await this.writing;
    }
    this.write();
  }

  /** Makes everything durable now. */
  async flush(): Promise<void> {
    if (this.open.length > 0) this.write();
    await this.writing;
  }

  /** Gives up on a disk that does not take anything; what it had not taken comes again after the next start. */
  async stop(): Promise<void> {
    const patience = setTimeout(() => {
      this.stopping = true;
    }, 5_000);
    await this.flush().catch(() => {});
    clearTimeout(patience);
    this.stopping = true;
    await this.flush().catch(() => {});
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { open, waiters } = this;
    this.open = [];
    this.waiters = [];
    this.rowsInWriting += rowsOf(open);
    this.refusedInWriting += refusedOf(open);
    // It rejects only while stopping, and then nothing later may be written either.
    const done = this.writing.then(() => this.writeAll(open));
    this.writing = done;
    done.then(
      () => {
        for (const { resolve } of waiters) resolve();
      },
      (error: unknown) => {
        for (const { reject } of waiters) reject(error);
      },
    );
  }

  private async writeAll(segments: readonly Segment[]): Promise<void> {
    const { history, quarantine, log, reportHealth } = this.options;
    for (const segment of segments) {
      const refused = segment.refused.length;
      for (let attempt = 0; ; attempt++) {
        try {
          await quarantine.append(segment);
          await history.append(segment);
          this.rowsInWriting -= segment.rows.rows;
          this.refusedInWriting -= refused;
          if (attempt > 0) reportHealth("disk", null);
          break;
        } catch (err) {
          const problem = `telemetry cannot be written: ${explain(err)}`;
          reportHealth("disk", problem);
          log.error(
            { err, firstSeq: segment.firstSeq, lastSeq: segment.lastSeq, attempt },
            "telemetry cannot be written, will try again",
          );
          // What follows must not overtake what failed: the manifest knows one last sequence.
          if (this.stopping) throw new UnavailableError(problem, { cause: err });
          await sleep(RETRY_DELAYS_MS[Math.min(attempt, RETRY_DELAYS_MS.length - 1)]!);
        }
      }
    }
  }
}

function rowsOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { rows }) => sum + rows.rows, 0);
}

function refusedOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { refused }) => sum + refused.length, 0);
}

function recordsOf(segments: readonly Segment[]): number {
  return rowsOf(segments) + refusedOf(segments);
}

/**
 * Time as the shell hands it out. Decisions never read it: they take time from the event. A recorded month
 * can so be replayed in seconds by putting a `VirtualClock` in the shell.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `task` about every `intervalMs` of this clock's time until the result is called. Calls never overlap. */
  every(intervalMs: number, task: () => Promise<void> | void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  every(intervalMs, task) {
    let running = false;
    const timer = setInterval(
      () => {
        if (running) return;
        running = true;
        void Promise.resolve()
          .then(task)
          .finally(() => {
            running = false;
          });
      },
      Math.min(intervalMs, 2 ** 31 - 1),
    );
    return () => clearInterval(timer);
  },
};

interface Timer {
  dueMs: number;
  readonly intervalMs: number;
  readonly task: () => Promise<void> | void;
}

/** A clock that moves only when told to, and runs what falls due on the way, in order of time. */
export class VirtualClock implements Clock {
  private currentMs: number;
  private readonly timers = new Set<Timer>();

  constructor(startMs: number) {
    this.currentMs = startMs;
  }

  now(): number {
    return this.currentMs;
  }

  every(intervalMs: number, task: () => Promise<void> | void): () => void {
    const timer = { dueMs: this.currentMs + intervalMs, intervalMs, task };
    this.timers.add(timer);
    return () => {
      this.timers.delete(timer);
    };
  }

  /**
   * Moves to `targetMs` and resolves when every task that fell due has ended. A task due several times on a
   * long jump runs once for each. Going back is refused with a RangeError.
   */
  async advanceTo(targetMs: number): Promise<void> {
    if (targetMs < this.currentMs)
      throw new RangeError(`the clock stands at ${this.currentMs} and cannot go back to ${targetMs}`);
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.timers)
        if (timer.dueMs <= targetMs && timer.dueMs < (next?.dueMs ?? Infinity)) next = timer;
      if (next === undefined) break;
      this.currentMs = Math.max(this.currentMs, next.dueMs);
      next.dueMs += next.intervalMs;
      await next.task();
    }
    this.currentMs = targetMs;
  }
}

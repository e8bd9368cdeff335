import { BacktestRunner } from "../../shared/forecasting/backtest-pool.ts";

/** An idle process with its models and predictions takes tens of megabytes; it ends after this long. */
const IDLE_MS = 60_000;

interface Idle {
  readonly runner: BacktestRunner;
  readonly memoryLimitMb: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Backtest runners that are kept warm between uses: a runner remembers models and predictions from trial to trial.
 */
export class RunnerPool {
  private readonly limits = new Map<BacktestRunner, number>();
  private idle: Idle[] = [];
  private readonly maxIdle: number;

  constructor(maxIdle: number) {
    this.maxIdle = maxIdle;
  }

  /** Runners in use. */
  get busy(): number {
    return this.limits.size - this.idle.length;
  }

  /** A runner for one user at a time, who gives it back. */
  take(memoryLimitMb: number): BacktestRunner {
    const found = this.idle.findLast((each) => each.memoryLimitMb === memoryLimitMb);
    if (found !== undefined) {
      clearTimeout(found.timer);
      this.idle = this.idle.filter((each) => each !== found);
      return found.runner;
    }
    const runner = new BacktestRunner({ memoryLimitMb });
    this.limits.set(runner, memoryLimitMb);
    return runner;
  }

  async give(runner: BacktestRunner): Promise<void> {
    const memoryLimitMb = this.limits.get(runner);
    if (memoryLimitMb === undefined) return;
    const timer = setTimeout(() => void runner.abort("idle"), IDLE_MS);
    timer.unref();
    this.idle.push({ runner, memoryLimitMb, timer });
    while (this.idle.length > this.maxIdle) {
      const oldest = this.idle.shift()!;
      clearTimeout(oldest.timer);
      this.limits.delete(oldest.runner);
      await oldest.runner.close();
    }
  }

  /** Ends every runner, those in use included. */
  async close(): Promise<void> {
    const runners = [...this.limits.keys()];
    for (const { timer } of this.idle) clearTimeout(timer);
    this.limits.clear();
    this.idle = [];
    await Promise.all(runners.map((runner) => runner.close()));
  }
}

import type { KvBucket } from "../../shared/bus/kv.ts";
import { TrialResult, trialKey } from "../../shared/contracts/optimizer.ts";
import { UnavailableError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { taskKey } from "./state.ts";

/** The results of one run's tasks, as they come in from whichever optimizer. */
export class Results {
  /** by `taskKey` */
  readonly byTask = new Map<string, TrialResult>();
  private readonly run: string;
  private readonly bucket: KvBucket<TrialResult>;
  private readonly leave: () => void;
  private changed = Promise.withResolvers<void>();

  constructor(run: string, bucket: KvBucket<TrialResult>, leave: () => void) {
    this.run = run;
    this.bucket = bucket;
    this.leave = leave;
  }

  /** Reads one result past the watch; false where there is none. */
  async look(number: number, rung: number): Promise<boolean> {
    const found = await this.bucket.get(trialKey(this.run, number, rung));
    if (found !== undefined) this.take(found.value);
    return found !== undefined;
  }

  /** Reads every stored result past the watch: a study says what was decided from them, and must not be ahead of them. */
  async readAll(): Promise<void> {
    for (const { value } of await this.bucket.entries(`trial.${this.run}.>`)) this.take(value);
  }

  /**
   * Resolves true when a result has come in since the last call, false after `limitMs` without one.
   *
   * @throws {UnavailableError} when `signal` aborts
   */
  async change(limitMs: number, signal: AbortSignal): Promise<boolean> {
    const stopped = Promise.withResolvers<never>();
    const stop = () =>
      stopped.reject(new UnavailableError("the optimizer stops; another one goes on with the run"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), Math.max(0, limitMs));
    });
    try {
      const happened = await Promise.race([this.changed.promise.then(() => true), time, stopped.promise]);
      if (happened) this.changed = Promise.withResolvers<void>();
      return happened;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  take(result: TrialResult): void {
    const key = taskKey(result);
    if (this.byTask.has(key)) return;
    this.byTask.set(key, result);
    this.changed.resolve();
  }

  stop(): void {
    this.leave();
  }
}

/**
 * Hands the results of trials to the searches of this process. One watch for all runs: to begin one takes the server
 * longer than a small search.
 */
export class ResultFeed {
  private readonly bucket: KvBucket<TrialResult>;
  private readonly open = new Map<string, Set<Results>>();
  private stopWatch: () => void = () => {};

  private constructor(bucket: KvBucket<TrialResult>) {
    this.bucket = bucket;
  }

  static async start({ bus }: Pick<ServiceContext, "bus">): Promise<ResultFeed> {
    const feed = new ResultFeed(bus.kv("states", TrialResult));
    const watch = await feed.bucket.watch("trial.>", ({ key, value }) => {
      const [, run = ""] = key.split(".");
      if (value !== null) for (const results of feed.open.get(run) ?? []) results.take(value);
    });
    feed.stopWatch = () => watch.stop();
    return feed;
  }

  /** Results of a run from now on; earlier ones are found by `look` and `readAll`. */
  of(run: string): Results {
    const results = new Results(run, this.bucket, () => {
      const left = this.open.get(run);
      left?.delete(results);
      if (left?.size === 0) this.open.delete(run);
    });
    const readers = this.open.get(run) ?? new Set();
    this.open.set(run, readers.add(results));
    return results;
  }

  stop(): void {
    this.stopWatch();
  }
}

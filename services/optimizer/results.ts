import type { KvBucket } from "../../shared/bus/kv.ts";
import { TrialResult, trialKey } from "../../shared/contracts/optimizer.ts";
import { UnavailableError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";

/** The results of one run's trials, as they come in from whichever optimizer. */
export class Results {
  readonly byNumber = new Map<number, TrialResult>();
  private readonly run: string;
  private readonly bucket: KvBucket<TrialResult>;
  private stopWatch: () => void = () => {};
  private changed = Promise.withResolvers<void>();

  private constructor(run: string, bucket: KvBucket<TrialResult>) {
    this.run = run;
    this.bucket = bucket;
  }

  /** Resolves once every result that is there was read. */
  static async open({ bus }: Pick<ServiceContext, "bus">, run: string): Promise<Results> {
    const results = new Results(run, bus.kv("states", TrialResult));
    const watch = await results.bucket.watch(`trial.${run}.*`, ({ value }) => {
      if (value !== null) results.take(value);
    });
    results.stopWatch = () => watch.stop();
    return results;
  }

  /** Reads one result past the watch; false where there is none. */
  async look(number: number): Promise<boolean> {
    const found = await this.bucket.get(trialKey(this.run, number));
    if (found !== undefined) this.take(found.value);
    return found !== undefined;
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

  stop(): void {
    this.stopWatch();
  }

  private take(result: TrialResult): void {
    if (this.byNumber.has(result.number)) return;
    this.byNumber.set(result.number, result);
    this.changed.resolve();
  }
}

import { z } from "zod";
import type { Bus } from "../../shared/bus/bus.ts";
import type { KvBucket } from "../../shared/bus/kv.ts";
import { type LiveConfig, modelVersion } from "../../shared/contracts/live-config.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { explain, InvalidInputError } from "../../shared/errors.ts";
import { ModelMismatchError } from "../../shared/forecasting/manifest.ts";
import type { Log } from "../../shared/log.ts";
import { type ConfigEvent, type ConfigState, decide, NOTHING_SEEN } from "./decide.ts";
import { HotSwap } from "./hot-swap.ts";
import type { LiveModel } from "./issuer.ts";
import type { ModelPool } from "./model-pool.ts";

export interface SlotStatus {
  /** 0 while nothing is served. */
  readonly revision: number;
  readonly modelVersion: string | null;
  readonly loadedAt: string | null;
  /** Why the newest config is not what is served. */
  readonly error: string | undefined;
}

export interface SlotOptions {
  readonly bus: Bus;
  readonly log: Log;
  readonly pool: ModelPool;
  readonly forecaster: string;
  readonly variant: "champion" | "challenger";
  /** Key in `live-configs`. */
  readonly key: string;
  readonly now: () => number;
  /** A query on the new model before it serves; throws to refuse it. */
  readonly warmUp: (live: LiveModel) => Promise<void>;
  /** What is served has changed, or the error has. */
  readonly onChange: (change: "swapped" | "cleared" | "failed") => void;
}

interface Wanted {
  readonly config: LiveConfig;
  readonly revision: number;
}

/**
 * Keeps the model of one live-configs key loaded: follows the committed writes and reads the key itself on start,
 * on a gap, after a reconnect and whenever `poll` is called, so that it misses nothing without a consumer.
 *
 * Loading goes on beside what is served. While one revision loads, newer ones replace each other, and the newest
 * is loaded next. One that cannot be loaded changes nothing but the status.
 */
export class LiveSlot {
  private readonly options: SlotOptions;
  private readonly bucket: KvBucket<unknown>;
  private readonly live: HotSwap<LiveModel>;
  private readonly stops: (() => void)[] = [];
  private state: ConfigState = NOTHING_SEEN;
  private wanted: Wanted | undefined;
  private mayPass = false; // the load that failed is worth another try
  private loading: Promise<void> | undefined;
  private isLoading = false;
  private reading: Promise<void> | undefined;
  private error: string | undefined;
  private stopped = false;

  constructor(options: SlotOptions) {
    this.options = options;
    this.live = new HotSwap((err) =>
      options.log.warn({ err, key: options.key }, "a model that is served no more could not be released"),
    );
    this.bucket = options.bus.kv("live-configs", z.unknown());
  }

  /** Undefined while nothing is. */
  get served(): LiveModel | undefined {
    return this.live.value;
  }

  get status(): SlotStatus {
    const live = this.live.value;
    return {
      revision: live?.revision ?? 0,
      modelVersion: live === undefined ? null : modelVersion(live.config, this.options.variant),
      loadedAt: live?.loadedAt ?? null,
      error: this.error,
    };
  }

  /** Runs `task` on what is served; undefined when nothing is. A swap meanwhile does not touch it. */
  use<R>(task: (live: LiveModel) => Promise<R>): Promise<R | undefined> {
    return this.live.use(task);
  }

  /** Resolves when the key was read and what it says is served, or has failed. */
  async start(): Promise<void> {
    const { bus, key } = this.options;
    const subscription = bus.subscribeCore(subjects.liveCommitted(key), (value, { header }) =>
      this.committed(value, header),
    );
    this.stops.push(
      () => subscription.stop(),
      bus.onReconnect(() => void this.poll()),
    );
    await subscription.ready;
    await this.poll();
    await this.loading;
  }

  /** Reads the key directly, and tries a failed load again where that may help. */
  async poll(): Promise<void> {
    if (this.stopped) return;
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    await this.reading;
    if (this.mayPass) this.load();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const stop of this.stops) stop();
    await this.loading;
    await this.live.close();
  }

  private async committed(value: unknown, header: (name: string) => string | undefined): Promise<void> {
    const revision = Number(header("Nats-Sequence"));
    const before = header("Nats-Last-Sequence");
    const deleted = header("KV-Operation") === "DEL" || header("KV-Operation") === "PURGE";
    if (!Number.isSafeInteger(revision)) return this.poll();
    const previous = before === undefined ? undefined : Number(before);
    if (this.apply({ kind: "committed", revision, previous, deleted, value })) await this.poll();
  }

  private async read(): Promise<void> {
    const { log, key } = this.options;
    const asked = this.state.seen;
    try {
      const entry = await this.bucket.get(key);
      if (!this.stopped) this.apply({ kind: "read", asked, entry });
    } catch (err) {
      if (err instanceof InvalidInputError) this.fail(explain(err), false);
      else log.warn({ err, key }, "live config could not be read");
    }
  }

  /** @returns whether a write was missed */
  private apply(event: ConfigEvent): boolean {
    const { state, action, gap } = decide(this.state, event, this.options.forecaster);
    this.state = state;
    if (action.kind === "load") {
      this.wanted = action;
      this.load();
    } else if (action.kind === "refuse") {
      this.wanted = undefined;
      this.fail(action.error, false);
    } else if (action.kind === "clear") {
      this.wanted = undefined;
      this.error = undefined;
      this.mayPass = false;
      this.live.clear();
      this.options.onChange("cleared");
    }
    return gap;
  }

  private load(): void {
    this.mayPass = false;
    if (!this.isLoading) this.loading = this.loadWanted();
  }

  private async loadWanted(): Promise<void> {
    this.isLoading = true;
    for (;;) {
      const wanted = this.wanted;
      if (wanted === undefined || this.stopped || wanted.revision <= (this.live.value?.revision ?? 0)) break;
      try {
        await this.swapIn(wanted);
      } catch (error) {
        if (this.wanted !== wanted) continue;
        // Content that does not load will not later; a store or a server may be back soon.
        this.fail(
          explain(error),
          !(error instanceof ModelMismatchError || error instanceof InvalidInputError),
        );
        break;
      }
    }
    // Not in a `finally` of the promise: a config that comes in between would wait for ever.
    this.isLoading = false;
  }

  private async swapIn(wanted: Wanted): Promise<void> {
    const { pool, warmUp, onChange, now } = this.options;
    const { config, revision } = wanted;
    const model = await pool.acquire(config);
    const live: LiveModel = {
      config,
      revision,
      model,
      loadedAt: new Date(now()).toISOString(),
      newest: undefined,
    };
    try {
      await warmUp(live);
    } catch (error) {
      await model.release();
      throw error;
    }
    if (this.wanted !== wanted || this.stopped) return model.release();
    this.live.swap(live, () => model.release());
    this.error = undefined;
    onChange("swapped");
  }

  private fail(error: string, mayPass: boolean): void {
    this.mayPass = mayPass;
    if (this.error !== error)
      this.options.log.error({ key: this.options.key, error }, "live config cannot be served");
    this.error = error;
    this.options.onChange("failed");
  }
}

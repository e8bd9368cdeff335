import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import {
  type Health,
  Prediction,
  type PredictReply,
  PredictRequest,
} from "../../shared/contracts/telemetry.ts";
import { explain, InvalidInputError, UnavailableError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { ForecasterConfig } from "./config.ts";
import { Heartbeat, LatencyWindow, rssMb } from "./health.ts";
import { Issuer } from "./issuer.ts";
import { LiveSlot } from "./live-slot.ts";
import type { ModelPool } from "./model-pool.ts";
import { prefetchCandidates } from "./prefetch.ts";
import type { SeriesFeed, SeriesFeeds } from "./series-feed.ts";

type Variant = "champion" | "challenger";

interface Role {
  readonly variant: Variant;
  readonly slot: LiveSlot;
  readonly issuer: Issuer;
  /** Time of the newest observation a forecast was published after. */
  publishedMs: number;
}

export interface Shared {
  readonly pool: ModelPool;
  readonly feeds: SeriesFeeds;
}

/**
 * Serves one forecaster: forecasts after each new observation with the champion and, where there is one, the
 * challenger, which is published as such and never served; answers `forecaster.predict.<id>`; reports health.
 */
export class Forecaster {
  private readonly context: ServiceContext;
  private readonly spec: ForecasterSpec;
  private readonly config: ForecasterConfig;
  private readonly feed: SeriesFeed;
  private readonly leaveFeed: () => Promise<void>;
  private readonly champion: Role;
  private readonly challenger: Role;
  private readonly latency = new LatencyWindow();
  private readonly heartbeat: Heartbeat;
  private readonly stops: (() => void | Promise<void>)[] = [];
  private queue: Promise<void> = Promise.resolve();
  private failures = 0;
  private forecastError: string | undefined;
  private servedRevision = 0;
  private stopping = false;

  constructor(
    context: ServiceContext,
    spec: ForecasterSpec,
    config: ForecasterConfig,
    { pool, feeds }: Shared,
  ) {
    this.context = context;
    this.spec = spec;
    this.config = config;
    const { feed, leave } = feeds.join(spec);
    this.feed = feed;
    this.leaveFeed = leave;
    this.champion = this.role("champion", pool);
    this.challenger = this.role("challenger", pool);
    this.heartbeat = new Heartbeat(context, spec.forecaster, config.healthIntervalMs, () => this.health());
  }

  /** Resolves when it answers requests: with the live config loaded, or while it waits for one. */
  async start(): Promise<void> {
    const { bus } = this.context;
    const { forecaster } = this.spec;
    await this.resume();
    this.stops.push(this.feed.onArrival((times) => this.arrived(times)));
    await this.feed.start();
    await Promise.all([this.champion.slot.start(), this.challenger.slot.start()]);
    const candidates = prefetchCandidates(bus, forecaster);
    await candidates.ready;
    const serving = await bus.serve({
      name: "forecaster",
      description: `Forecasts of ${forecaster}`,
      version: "0.1.0",
      metadata: { forecaster },
      endpoints: { [subjects.predict(forecaster)]: (payload) => this.predict(payload) },
      stats: () => this.health(),
    });
    const poll = setInterval(() => this.poll(), this.config.pollMs);
    poll.unref();
    this.stops.push(
      () => clearInterval(poll),
      () => candidates.stop(),
      () => serving.stop(),
    );
    this.heartbeat.beat();
    void this.catchUp();
  }

  /** Answers what was asked, finishes what is being forecast, releases the models. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const stop of this.stops) await stop();
    await this.queue;
    await this.leaveFeed();
    await Promise.all([this.champion.slot.stop(), this.challenger.slot.stop()]);
    await this.heartbeat.stop();
    this.context.reportHealth(this.problem, null);
  }

  /** Real time passed: look whether a live config was missed. */
  poll(): void {
    void this.champion.slot.poll();
    void this.challenger.slot.poll();
  }

  /** The forecast after the newest observation. @throws {InvalidInputError} when there cannot be one */
  async predict(payload: unknown): Promise<PredictReply> {
    const { forecaster } = this.spec;
    const request = PredictRequest.safeParse(payload ?? {});
    if (!request.success)
      throw new InvalidInputError(
        `request for '${forecaster}': ${request.error.issues[0]?.message ?? "invalid"}`,
      );
    const { entity } = request.data;
    if (entity !== undefined && entity !== this.spec.entity) {
      throw new InvalidInputError(
        `entity '${entity}' is unknown to '${forecaster}', expected ${this.spec.entity ?? "none"}`,
      );
    }
    for (;;) {
      const reply = await this.champion.slot.use(async (live): Promise<PredictReply> => {
        const newest = this.feed.store.newest;
        if (newest === undefined) throw new InvalidInputError(`no observation of '${this.spec.series}' yet`);
        return {
          forecaster,
          live_revision: live.revision,
          predictions: await this.champion.issuer.issue(live, newest),
        };
      });
      if (reply === undefined)
        throw new InvalidInputError(`'${forecaster}' is waiting for its first live config`);
      // While this one was computed, a newer config may have answered somebody: nobody gets an older one after it.
      if (reply.live_revision < this.servedRevision) continue;
      this.servedRevision = reply.live_revision;
      return reply;
    }
  }

  private health(): Health {
    const { revision, modelVersion, loadedAt, error: slotError } = this.champion.slot.status;
    const challenger = this.challenger.slot.status;
    const error = slotError ?? this.forecastError;
    const shadowed = challenger.revision > 0 || challenger.error !== undefined;
    return {
      instance: this.context.instance,
      status: error !== undefined ? "degraded" : revision === 0 ? "waiting" : "ok",
      live_revision: revision,
      model_version: modelVersion,
      rss_mb: rssMb(),
      latency_ms_p50: this.latency.p50,
      failures: this.failures,
      loaded_at: loadedAt,
      ...(error === undefined ? {} : { error }),
      ...(shadowed
        ? {
            challenger: {
              live_revision: challenger.revision,
              model_version: challenger.modelVersion,
              error: challenger.error,
            },
          }
        : {}),
    };
  }

  private get problem(): string {
    return `forecaster ${this.spec.forecaster}`;
  }

  private role(variant: Variant, pool: ModelPool): Role {
    const { bus, log, clock } = this.context;
    const { forecaster } = this.spec;
    const issuer = new Issuer(this.spec, this.feed.store, variant, (ms) => {
      if (variant === "champion") this.latency.add(ms);
    });
    const slot = new LiveSlot({
      bus,
      log,
      pool,
      forecaster,
      key: variant === "champion" ? forecaster : `${forecaster}.challenger`,
      now: () => clock.now(),
      warmUp: async (live) => {
        const newest = this.feed.store.newest;
        if (newest === undefined) return;
        await issuer.issue(live, newest).catch((error: unknown) => {
          // Too few observations yet are no fault of the model, which has answered the loader's probe.
          if (!(error instanceof InvalidInputError)) throw error;
        });
      },
      onChange: (change) => this.changed(variant, change),
    });
    return { variant, slot, issuer, publishedMs: -Infinity };
  }

  private changed(variant: Variant, change: "swapped" | "cleared" | "failed"): void {
    const { log } = this.context;
    const { forecaster } = this.spec;
    if (variant === "champion") {
      this.failures = change === "failed" ? this.failures + 1 : 0;
      if (change !== "failed") this.forecastError = undefined;
    }
    const { slot } = this[variant];
    if (change === "swapped") log.info({ forecaster, variant, ...slot.status }, "live config is served");
    if (change === "cleared") log.info({ forecaster, variant }, "no live config any more");
    this.told();
    if (change === "swapped") void this.catchUp();
  }

  private told(): void {
    this.context.reportHealth(this.problem, this.champion.slot.status.error ?? this.forecastError ?? null);
    this.heartbeat.beat();
  }

  /** What was published before a restart is not published again. */
  private async resume(): Promise<void> {
    const { bus, log } = this.context;
    const last = await bus.lastMessage("TELEMETRY", subjects.telemetry("prediction", this.spec.forecaster));
    if (last === undefined) return;
    try {
      const payload = last.json();
      const { issued_at, variant = "champion" } = Prediction.parse(
        Array.isArray(payload) ? payload[0] : payload,
      );
      // The champion publishes first, so a challenger's forecast tells of both.
      this.champion.publishedMs = Date.parse(issued_at);
      if (variant === "challenger") this.challenger.publishedMs = Date.parse(issued_at);
    } catch (err) {
      log.warn({ err, subject: last.subject, sequence: last.sequence }, "newest prediction cannot be read");
    }
  }

  private catchUp(): Promise<void> {
    const newest = this.feed.store.newest;
    return newest === undefined || !this.feed.caughtUp ? Promise.resolve() : this.arrived([newest]);
  }

  /** One after the other, so that forecasts are published in the order of their observations. */
  private arrived(times: readonly number[]): Promise<void> {
    const work = this.queue.then(async () => {
      for (const ms of times) {
        await this.publish(this.champion, ms);
        await this.publish(this.challenger, ms);
      }
    });
    this.queue = work.catch((err: unknown) =>
      this.context.log.error({ err, forecaster: this.spec.forecaster }, "forecast failed"),
    );
    return this.queue;
  }

  private async publish(role: Role, issuedAtMs: number): Promise<void> {
    if (issuedAtMs <= role.publishedMs || this.stopping) return;
    const { variant, slot, issuer } = role;
    try {
      const predictions = await slot.use((live) => issuer.issue(live, issuedAtMs));
      if (predictions === undefined) return;
      const [{ issued_at, model_version } = { issued_at: "", model_version: "" }] = predictions;
      await this.store(predictions, `${variant}:${model_version}:${issued_at}`);
      role.publishedMs = issuedAtMs;
      if (variant === "champion" && this.forecastError !== undefined) {
        this.forecastError = undefined;
        this.told();
      }
    } catch (err) {
      const { forecaster } = this.spec;
      this.context.log.error(
        { err, forecaster, variant, issued_at: new Date(issuedAtMs).toISOString() },
        "forecast failed",
      );
      if (variant === "challenger") return;
      this.failures += 1;
      this.forecastError = explain(err);
      this.told();
    }
  }

  /** Published until it is stored: a server that is down for long costs time, not forecasts. */
  private async store(predictions: readonly Prediction[], messageId: string): Promise<void> {
    for (;;) {
      try {
        await this.context.bus.publishTelemetry("prediction", this.spec.forecaster, predictions, messageId);
        return;
      } catch (error) {
        if (!(error instanceof UnavailableError) || this.stopping) throw error;
        this.context.log.warn(
          { err: error, forecaster: this.spec.forecaster },
          "forecast could not be published yet",
        );
      }
    }
  }
}

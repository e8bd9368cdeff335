import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import {
  type Health,
  type Prediction,
  type PredictReply,
  PredictRequest,
} from "../../shared/contracts/telemetry.ts";
import { explain, InvalidInputError, UnavailableError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { ForecasterConfig } from "./config.ts";
import { FleetProduction } from "./fleet-production.ts";
import { Heartbeat, LatencyWindow, rssMb } from "./health.ts";
import type { LiveModel } from "./issuer.ts";
import { LiveSlot } from "./live-slot.ts";
import { MemberProduction } from "./member-production.ts";
import type { ModelPool } from "./model-pool.ts";
import type { Made, Production, Publisher, Variant } from "./production.ts";
import type { SeriesFeeds } from "./series-feeds.ts";
import { Standby } from "./standby.ts";

export interface Shared {
  readonly pool: ModelPool;
  readonly feeds: SeriesFeeds;
}

/**
 * Serves one forecaster: forecasts after each new observation with the champion and, where there is one, the
 * challenger, which is published as such and never served; answers `forecaster.predict.<id>`; reports health.
 */
export class Forecaster implements Publisher {
  private readonly context: ServiceContext;
  private readonly spec: ForecasterSpec;
  private readonly config: ForecasterConfig;
  private readonly production: Production;
  private readonly slots: Readonly<Record<Variant, LiveSlot>>;
  private readonly latency = new LatencyWindow();
  private readonly standby: Standby;
  private readonly heartbeat: Heartbeat;
  private readonly stops: (() => void | Promise<void>)[] = [];
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
    const onLatency = (ms: number) => this.latency.add(ms);
    this.production =
      spec.entities === "all"
        ? new FleetProduction(context, spec, feeds.joinFleet(spec), this, {
            collectMs: config.collectMs,
            onLatency,
          })
        : new MemberProduction(context, spec, feeds.joinMember(spec), this, onLatency);
    this.slots = { champion: this.slot("champion", pool), challenger: this.slot("challenger", pool) };
    this.standby = new Standby({ bus: context.bus, pool }, spec.forecaster);
    this.heartbeat = new Heartbeat(context, spec.forecaster, config.healthIntervalMs, () => this.health());
  }

  /** Resolves when it answers requests: with the live config loaded, or while it waits for one. */
  async start(): Promise<void> {
    const { bus } = this.context;
    const { forecaster } = this.spec;
    await this.production.start();
    await Promise.all([this.slots.champion.start(), this.slots.challenger.start()]);
    await this.standby.start();
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
      () => this.standby.stop(),
      () => serving.stop(),
    );
    this.heartbeat.beat();
    void this.production.catchUp();
  }

  /** Answers what was asked, finishes what is being forecast, releases the models. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const stop of this.stops) await stop();
    await this.production.stop();
    await Promise.all([this.slots.champion.stop(), this.slots.challenger.stop()]);
    await this.heartbeat.stop();
    this.context.reportHealth(this.problem, null);
  }

  /** Real time passed: look whether a live config was missed. */
  poll(): void {
    void this.slots.champion.poll();
    void this.slots.challenger.poll();
  }

  /** The forecast after the newest observation. @throws {InvalidInputError} when there cannot be one */
  async predict(payload: unknown): Promise<PredictReply> {
    const { forecaster } = this.spec;
    const request = PredictRequest.safeParse(payload ?? {});
    if (!request.success)
      throw new InvalidInputError(
        `request for '${forecaster}': ${request.error.issues[0]?.message ?? "invalid"}`,
      );
    for (;;) {
      const reply = await this.slots.champion.use(async (live): Promise<PredictReply> => {
        const answer = await this.production.answer(live, request.data);
        return { forecaster, live_revision: live.revision, ...answer };
      });
      if (reply === undefined)
        throw new InvalidInputError(`'${forecaster}' is waiting for its first live config`);
      // While this one was computed, a newer config may have answered somebody: nobody gets an older one after it.
      if (reply.live_revision < this.servedRevision) continue;
      this.servedRevision = reply.live_revision;
      return reply;
    }
  }

  /**
   * Makes forecasts with what is live and publishes them until they are stored: a server that is down for long costs
   * time, not forecasts.
   */
  async publish(variant: Variant, make: (live: LiveModel) => Promise<Made>): Promise<boolean> {
    if (this.stopping) return false;
    try {
      const made = await this.slots[variant].use(make);
      if (made === undefined) return false;
      for (const { records, id } of made.messages) await this.store(records, id);
      if (made.failures.length > 0) this.failed(variant, made.failures);
      else if (variant === "champion" && this.forecastError !== undefined) {
        this.forecastError = undefined;
        this.told();
      }
      return true;
    } catch (error) {
      this.failed(variant, [error]);
      return false;
    }
  }

  private failed(variant: Variant, failures: readonly unknown[]): void {
    const { forecaster } = this.spec;
    const [err] = failures;
    this.context.log.error({ err, forecaster, variant, failures: failures.length }, "forecast failed");
    if (variant === "challenger") return;
    this.failures += failures.length;
    this.forecastError = explain(err) + (failures.length > 1 ? `, and ${failures.length - 1} more` : "");
    this.told();
  }

  private health(): Health {
    const { revision, modelVersion, loadedAt, error: slotError } = this.slots.champion.status;
    const challenger = this.slots.challenger.status;
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
      ...this.production.figures(this.slots.champion.served),
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

  private slot(variant: Variant, pool: ModelPool): LiveSlot {
    const { bus, log, clock } = this.context;
    const { forecaster } = this.spec;
    return new LiveSlot({
      bus,
      log,
      pool,
      forecaster,
      variant,
      key: variant === "champion" ? forecaster : `${forecaster}.challenger`,
      now: () => clock.now(),
      warmUp: (live) => this.production.warmUp(variant, live),
      onChange: (change) => this.changed(variant, change),
    });
  }

  private changed(variant: Variant, change: "swapped" | "cleared" | "failed"): void {
    const { log } = this.context;
    const { forecaster } = this.spec;
    if (variant === "champion") {
      this.failures = change === "failed" ? this.failures + 1 : 0;
      if (change !== "failed") this.forecastError = undefined;
    }
    const { status } = this.slots[variant];
    if (change === "swapped") log.info({ forecaster, variant, ...status }, "live config is served");
    if (change === "cleared") log.info({ forecaster, variant }, "no live config any more");
    this.told();
    if (change === "swapped") void this.production.catchUp();
  }

  private told(): void {
    this.context.reportHealth(this.problem, this.slots.champion.status.error ?? this.forecastError ?? null);
    this.heartbeat.beat();
  }

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

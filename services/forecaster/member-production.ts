import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { Prediction, type PredictRequest } from "../../shared/contracts/telemetry.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { Issuer, type LiveModel } from "./issuer.ts";
import { IN_ORDER, type Production, type Publisher, type Variant } from "./production.ts";
import type { Joined, MemberFeed } from "./series-feeds.ts";

/** Forecasts of one member of a series: one after each new observation. */
export class MemberProduction implements Production {
  private readonly context: Pick<ServiceContext, "bus" | "log">;
  private readonly spec: ForecasterSpec;
  private readonly joined: Joined<MemberFeed>;
  private readonly publisher: Publisher;
  private readonly issuers: Readonly<Record<Variant, Issuer>>;
  /** Time of the newest observation a forecast was published after. */
  private readonly publishedMs: Record<Variant, number> = { champion: -Infinity, challenger: -Infinity };
  private queue: Promise<void> = Promise.resolve();
  private stopListening: () => void = () => {};

  constructor(
    context: Pick<ServiceContext, "bus" | "log">,
    spec: ForecasterSpec,
    joined: Joined<MemberFeed>,
    publisher: Publisher,
    onLatency: (ms: number) => void,
  ) {
    this.context = context;
    this.spec = spec;
    this.joined = joined;
    this.publisher = publisher;
    const { store } = joined.feed.memory;
    this.issuers = {
      champion: new Issuer(spec, store, "champion", onLatency),
      challenger: new Issuer(spec, store, "challenger", () => {}),
    };
  }

  async start(): Promise<void> {
    await this.resume();
    this.stopListening = this.joined.feed.onArrival((times) => this.arrived(times));
    await this.joined.feed.start();
  }

  async catchUp(): Promise<void> {
    const { newest } = this;
    if (newest !== undefined && this.joined.feed.caughtUp) await this.arrived([newest]);
  }

  async warmUp(variant: Variant, live: LiveModel): Promise<void> {
    const { newest } = this;
    if (newest === undefined) return;
    await this.issuers[variant].issue(live, newest).catch((error: unknown) => {
      // Too few observations yet are no fault of the model, which has answered the loader's probe.
      if (!(error instanceof InvalidInputError)) throw error;
    });
  }

  async answer(live: LiveModel, request: PredictRequest): Promise<{ predictions: Prediction[] }> {
    const { forecaster, series, entity } = this.spec;
    if (request.entities !== undefined)
      throw new InvalidInputError(
        `'${forecaster}' forecasts ${entity ?? "one series"}, it has no entities: all`,
      );
    if (request.entity !== undefined && request.entity !== entity)
      throw new InvalidInputError(
        `entity '${request.entity}' is unknown to '${forecaster}', expected ${entity ?? "none"}`,
      );
    const { newest } = this;
    if (newest === undefined) throw new InvalidInputError(`no observation of '${series}' yet`);
    return { predictions: await this.issuers.champion.issue(live, newest) };
  }

  figures(): object {
    return {};
  }

  async stop(): Promise<void> {
    this.stopListening();
    await this.queue;
    await this.joined.leave();
  }

  private get newest(): number | undefined {
    return this.joined.feed.memory.store.newest;
  }

  /** What was published before a restart is not published again. */
  private async resume(): Promise<void> {
    const { bus, log } = this.context;
    const last = await bus.lastMessage("TELEMETRY", subjects.telemetry("prediction", this.spec.forecaster));
    if (last === undefined) return;
    try {
      const { issued_at, variant = "champion" } = Prediction.parse([last.json()].flat()[0]);
      this.publishedMs.champion = Date.parse(issued_at);
      if (variant === "challenger") this.publishedMs.challenger = Date.parse(issued_at);
    } catch (err) {
      log.warn({ err, subject: last.subject, sequence: last.sequence }, "newest prediction cannot be read");
    }
  }

  /** One after the other, so that forecasts are published in the order of their observations. */
  private arrived(times: readonly number[]): Promise<void> {
    const work = this.queue.then(async () => {
      for (const ms of times) for (const variant of IN_ORDER) await this.publish(variant, ms);
    });
    this.queue = work.catch((err: unknown) =>
      this.context.log.error({ err, forecaster: this.spec.forecaster }, "forecast failed"),
    );
    return this.queue;
  }

  private async publish(variant: Variant, issuedAtMs: number): Promise<void> {
    if (issuedAtMs <= this.publishedMs[variant]) return;
    const isStored = await this.publisher.publish(variant, async (live) => {
      const records = await this.issuers[variant].issue(live, issuedAtMs);
      const [{ issued_at, model_version } = { issued_at: "", model_version: "" }] = records;
      return { messages: [{ records, id: `${variant}:${model_version}:${issued_at}` }], failures: [] };
    });
    if (isStored) this.publishedMs[variant] = issuedAtMs;
  }
}

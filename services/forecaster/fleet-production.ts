import { createHash } from "node:crypto";
import { addSteps, type ForecasterSpec, horizonSteps } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { Prediction, type PredictRequest } from "../../shared/contracts/telemetry.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { ContextStore } from "./context-store.ts";
import { type Due, FleetIssuer, type Issued, RUN, runKey } from "./fleet-issuer.ts";
import type { FleetStore, Member } from "./fleet-store.ts";
import { knows, type LiveModel } from "./issuer.ts";
import { IN_ORDER, type Made, type Production, type Publisher, type Variant } from "./production.ts";
import type { FleetFeed, Joined } from "./series-feeds.ts";

/** Records of a message or a reply: with nine quantiles each half a megabyte, of the one that NATS allows. */
const MOST_RECORDS = 1_000;
/** While the forecasts of some are stored, the next are computed. */
const LANES = 2;
/** How far back in the stream forecasts are looked for that were published before a restart: messages of all kinds. */
const LOOK_BACK = 50_000;

/**
 * Forecasts of every entity of a series. Observations are collected for a moment, then everybody who has a new one is
 * forecast, many in one run of the model. Who is silent for longer than the horizon is not: such a forecast would be
 * about the past.
 */
export class FleetProduction implements Production {
  private readonly context: Pick<ServiceContext, "bus" | "log">;
  private readonly spec: ForecasterSpec;
  private readonly joined: Joined<FleetFeed>;
  private readonly publisher: Publisher;
  private readonly collectMs: number;
  private readonly issuers: Readonly<Record<Variant, FleetIssuer>>;
  /** Time of the newest observation of each entity that a forecast was published after. */
  private readonly publishedMs: Readonly<Record<Variant, WeakMap<ContextStore, number>>> = {
    champion: new WeakMap(),
    challenger: new WeakMap(),
  };
  private readonly perMessage: number;
  private waiting = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private queue: Promise<void> = Promise.resolve();
  private stopListening: () => void = () => {};

  constructor(
    context: Pick<ServiceContext, "bus" | "log">,
    spec: ForecasterSpec,
    joined: Joined<FleetFeed>,
    publisher: Publisher,
    { collectMs, onLatency }: { collectMs: number; onLatency: (ms: number) => void },
  ) {
    this.context = context;
    this.spec = spec;
    this.joined = joined;
    this.publisher = publisher;
    this.collectMs = collectMs;
    this.perMessage = Math.max(1, Math.floor(MOST_RECORDS / horizonSteps(spec)));
    this.issuers = {
      champion: new FleetIssuer(spec, "champion", onLatency),
      challenger: new FleetIssuer(spec, "challenger", () => {}),
    };
  }

  async start(): Promise<void> {
    await this.joined.feed.start();
    await this.resume();
    this.stopListening = this.joined.feed.onArrival(async (entities) => this.collect(entities));
  }

  catchUp(): Promise<void> {
    if (!this.joined.feed.caughtUp) return Promise.resolve();
    for (const { entity } of this.store.members()) this.waiting.add(entity);
    return this.flush();
  }

  async warmUp(variant: Variant, live: LiveModel): Promise<void> {
    const { feed } = this.joined;
    if (feed.memory.reach(live.config.context_length)) await feed.extend();
    const some = [...this.store.members()].flatMap((member) => this.dueOf(member) ?? []).slice(0, RUN);
    for (const issued of await this.issuers[variant].issue(live, some))
      if ("error" in issued && !(issued.error instanceof InvalidInputError)) throw issued.error;
  }

  async answer(
    live: LiveModel,
    { entity, entities, after }: PredictRequest,
  ): Promise<{ predictions: Prediction[]; next?: string | null }> {
    const { forecaster, series } = this.spec;
    if (entities === "all") return this.answerAll(live, after);
    if (entity === undefined)
      throw new InvalidInputError(
        `'${forecaster}' forecasts a fleet of ${this.store.size} entities: expected an entity, or entities: all`,
      );
    const member = this.store.get(entity);
    const due = member && newestOf(member);
    if (due === undefined)
      throw new InvalidInputError(
        `entity '${entity}' is unknown to '${forecaster}': none of the ${this.store.size} that are observed on '${series}'`,
      );
    const [issued] = await this.issuers.champion.issue(live, [due]);
    if (issued === undefined || "error" in issued) throw issued?.error;
    return { predictions: issued.predictions };
  }

  figures(live: LiveModel | undefined): object {
    let known = 0;
    if (live !== undefined)
      for (const { entity } of this.store.members()) if (knows(live.model, entity)) known += 1;
    return { fleet: { entities: this.store.size, known } };
  }

  async stop(): Promise<void> {
    this.stopListening();
    clearTimeout(this.timer);
    await this.queue;
    await this.joined.leave();
  }

  private get store(): FleetStore {
    return this.joined.feed.memory.store;
  }

  /** Who has too few observations is left out; where that is the whole page, it is empty and there is a next one. */
  private async answerAll(
    live: LiveModel,
    after: string | undefined,
  ): Promise<{ predictions: Prediction[]; next: string | null }> {
    const names = [...this.store.members()].map(({ entity }) => entity).sort();
    const from = after === undefined ? 0 : names.findIndex((name) => name > after);
    const page = from < 0 ? [] : names.slice(from, from + this.perMessage);
    const dues = page.flatMap((name) => newestOf(this.store.get(name)!) ?? []);
    const issued = await this.issuers.champion.issue(live, dues);
    const failed = failuresOf(issued);
    if (failed.length > 0) throw failed[0];
    const isLast = from < 0 || from + page.length >= names.length;
    return { predictions: issued.flatMap(predictionsOf), next: isLast ? null : page.at(-1)! };
  }

  private collect(entities: ReadonlySet<string>): void {
    for (const entity of entities) this.waiting.add(entity);
    this.timer ??= setTimeout(() => void this.flush(), this.collectMs);
  }

  /** One flush after the other: what arrives during one is in the next. */
  private flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.queue = this.queue.then(async () => {
      const entities = [...this.waiting];
      this.waiting = new Set();
      let next = 0;
      const lane = async () => {
        while (next < entities.length) {
          const some = entities.slice(next, next + RUN);
          next += RUN;
          for (const variant of IN_ORDER) await this.publish(variant, some);
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
    });
    return this.queue;
  }

  private async publish(variant: Variant, entities: readonly string[]): Promise<void> {
    const published = this.publishedMs[variant];
    const dues = entities.flatMap((entity): Due[] => {
      const member = this.store.get(entity);
      const due = member && this.dueOf(member);
      return due === undefined || due.issuedAtMs <= (published.get(due.store) ?? -Infinity) ? [] : [due];
    });
    if (dues.length === 0) return;
    const isStored = await this.publisher.publish(variant, (live) => this.make(variant, live, dues));
    if (isStored) for (const { store, issuedAtMs } of dues) published.set(store, issuedAtMs);
  }

  private async make(variant: Variant, live: LiveModel, dues: readonly Due[]): Promise<Made> {
    const issued = await this.issuers[variant].issue(live, dues);
    const messages: Made["messages"][number][] = [];
    for (let at = 0; at < issued.length; at += this.perMessage) {
      const part = issued.slice(at, at + this.perMessage);
      const records = part.flatMap(predictionsOf);
      const key = runKey(
        live,
        variant,
        part.map(({ due }) => due),
      );
      const id = createHash("sha256").update(key).digest("hex");
      if (records.length > 0) messages.push({ records, id });
    }
    return { messages, failures: failuresOf(issued) };
  }

  /** Undefined for who is silent for longer than the horizon. */
  private dueOf(member: Member): Due | undefined {
    const due = newestOf(member);
    const fleetMs = this.store.newest;
    if (due === undefined || fleetMs === undefined) return undefined;
    return addSteps(due.issuedAtMs, horizonSteps(this.spec), this.spec) > fleetMs ? due : undefined;
  }

  /** What was published before a restart is not published again. */
  private async resume(): Promise<void> {
    const { bus, log } = this.context;
    const filter = subjects.telemetry("prediction", this.spec.forecaster);
    const last = await bus.lastMessage("TELEMETRY", filter);
    if (last === undefined) return;
    const fromSequence = Math.max(1, last.sequence - LOOK_BACK);
    for await (const message of bus.read("TELEMETRY", { filter, fromSequence })) {
      try {
        for (const record of [message.json()].flat().filter(isFirstStep)) {
          const { entity = "", issued_at, variant = "champion" } = Prediction.parse(record);
          const store = this.store.get(entity)?.store;
          if (store !== undefined) this.publishedMs[variant].set(store, Date.parse(issued_at));
        }
      } catch (err) {
        log.warn({ err, subject: message.subject, sequence: message.sequence }, "prediction cannot be read");
      }
    }
  }
}

function newestOf(member: Member): Due | undefined {
  const issuedAtMs = member.store.newest;
  return issuedAtMs === undefined ? undefined : { ...member, issuedAtMs };
}

/** One record of each forecast is enough to read. */
function isFirstStep(record: unknown): boolean {
  return typeof record === "object" && record !== null && (record as { step?: unknown }).step === 1;
}

function predictionsOf(issued: Issued): Prediction[] {
  return "error" in issued ? [] : issued.predictions;
}

/** Too few observations yet are no fault of the model. */
function failuresOf(issued: readonly Issued[]): unknown[] {
  return issued.flatMap((each) =>
    "error" in each && !(each.error instanceof InvalidInputError) ? [each.error] : [],
  );
}

import type { StreamState } from "../../shared/bus/streams.ts";
import type { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { explain, InvalidInputError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { AlertDesk } from "./alert-desk.ts";
import type { FleetSettings } from "./config.ts";
import { sweep } from "./decide.ts";
import type { Excuses } from "./excuses.ts";
import { type Intake, takeIn } from "./intake.ts";
import { tick } from "./outage.ts";
import type { RenameBook } from "./rename-book.ts";
import { FleetShard } from "./shards.ts";
import { type Fleet, newFleet } from "./state.ts";
import { MOST_NAMED, statusOf } from "./status.ts";
import { FleetStore } from "./store.ts";

const STREAM = "TELEMETRY";
/** A series whose saved sequence is further back than this is saved anew, so that a start need not read so far. */
const STALE_MESSAGES = 100_000;
/** A reply has to fit one message. */
const REPLY_BYTES = 900_000;
/** Part of the time that saving may take: of a million entities that all report, a save takes seconds. */
const SAVING_SHARE = 0.1;

interface Sources {
  readonly specs: SpecStore;
  readonly excuses: Excuses;
  readonly renames: RenameBook;
}

/** Reads telemetry into fleets, saves them, and tells of them. */
export class Monitor {
  readonly fleets: Map<string, Fleet>;
  private readonly context: ServiceContext;
  private readonly settings: FleetSettings;
  private readonly sources: Sources;
  private readonly store: FleetStore;
  private readonly desk: AlertDesk;
  private readonly intake: Intake;
  private created = "";
  private read = 0;
  private saved = Number.NaN;
  private following: { stop(): Promise<void> } | undefined;
  /** While it is pending, nothing is taken in: what is written is of one moment. */
  private saving: Promise<void> | undefined;
  /** How long the last save took. */
  private savingMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();
  private stopped = false;

  private constructor(
    context: ServiceContext,
    settings: FleetSettings,
    sources: Sources,
    store: FleetStore,
    fleets: Map<string, Fleet>,
  ) {
    this.context = context;
    this.settings = settings;
    this.sources = sources;
    this.store = store;
    this.fleets = fleets;
    this.desk = new AlertDesk(context);
    this.intake = {
      params: settings,
      now: () => context.clock.now(),
      spec: (forecaster) => sources.specs.get(forecaster),
      fleet: (series) => this.fleetOf(series),
      excused: ({ series, newestMs }) => sources.excuses.of(series, newestMs),
    };
  }

  static async start(context: ServiceContext, settings: FleetSettings, sources: Sources): Promise<Monitor> {
    const store = new FleetStore(context.bus.kv("fleet", FleetShard), context.log);
    const monitor = new Monitor(context, settings, sources, store, await store.load(settings));
    await monitor.follow(await context.bus.streamState(STREAM));
    monitor.later(settings.saveMs);
    return monitor;
  }

  stats(): object {
    const entities = [...this.fleets.values()].reduce((sum, { roster }) => sum + roster.size, 0);
    return { series: this.fleets.size, entities, last_sequence: this.read };
  }

  /**
   * The reply of `fleet-monitor.status`. Where it would not fit a message its lists name fewer.
   *
   * @throws {InvalidInputError} too many series for one reply
   */
  status(series: string | undefined): FleetStatus[] {
    const wanted = [...this.fleets.values()]
      .filter((fleet) => series === undefined || fleet.series === series)
      .toSorted((a, b) => (a.series < b.series ? -1 : 1));
    for (let mostNamed = MOST_NAMED; ; mostNamed = Math.floor(mostNamed / 4)) {
      const reply = wanted.map((fleet) => this.statusOf(fleet, mostNamed));
      if (Buffer.byteLength(JSON.stringify(reply)) <= REPLY_BYTES) return reply;
      if (mostNamed === 0)
        throw new InvalidInputError(
          `fleet-monitor.status: ${wanted.length} series do not fit one reply, ask for one by its 'series'`,
        );
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.round;
    await this.following?.stop();
    await this.save();
  }

  private statusOf(fleet: Fleet, mostNamed: number): FleetStatus {
    const { renames } = this.sources;
    const confirmed = renames.of(fleet.series);
    return statusOf(fleet, this.settings, { excused: this.intake.excused(fleet), confirmed, mostNamed });
  }

  private fleetOf(series: string): Fleet {
    const fleet = this.fleets.get(series) ?? newFleet(series, this.created, this.settings);
    this.fleets.set(series, fleet);
    return fleet;
  }

  /** Reads on from what every fleet has seen; from the beginning where the stream is another one. */
  private async follow({ created, lastSequence }: StreamState): Promise<void> {
    this.created = created;
    let read = Number.POSITIVE_INFINITY;
    for (const fleet of this.fleets.values()) {
      if (fleet.stream !== created || fleet.lastSequence > lastSequence) {
        Object.assign(fleet, { stream: created, lastSequence: 0 });
        fleet.roster.shardSequence.fill(0);
      }
      read = Math.min(read, fleet.lastSequence);
    }
    this.read = Number.isFinite(read) ? read : 0;
    this.following = await this.context.bus.follow(
      STREAM,
      { fromSequence: this.read + 1 },
      async (message) => {
        if (this.saving !== undefined) await this.saving;
        takeIn(message, this.intake);
        this.read = message.sequence;
      },
    );
  }

  private later(delayMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.round = this.look()
        .then(() => this.context.reportHealth("fleet-watch", null))
        .catch((err: unknown) => {
          this.context.reportHealth("fleet-watch", `fleets cannot be looked after: ${explain(err)}`);
          this.context.log.warn({ err }, "fleets cannot be looked after, will try again");
        })
        .then(() => this.later(Math.max(this.settings.saveMs, this.savingMs / SAVING_SHARE)));
    }, delayMs);
  }

  /** Looks for outages, saves, tells. While there is more to be read, silence is our own and nobody's. */
  private async look(): Promise<void> {
    const { bus, clock, log } = this.context;
    const { read } = this;
    const state = await bus.streamState(STREAM);
    if (state.created !== this.created || state.lastSequence < read) {
      log.warn({ created: state.created, last: state.lastSequence, read }, "the stream is another one");
      await this.following?.stop();
      await this.follow(state);
      return;
    }
    const isCaughtUp = this.read >= state.lastSequence;
    if (isCaughtUp) {
      const nowMs = clock.now();
      for (const fleet of this.fleets.values()) tick(fleet, nowMs, this.othersHeardMs(fleet), this.settings);
    }
    await this.save();
    this.reportSize();
    if (!isCaughtUp) return;
    for (const fleet of this.fleets.values()) await this.desk.tell(this.statusOf(fleet, MOST_NAMED));
  }

  private reportSize(): void {
    const full = [...this.fleets.values()]
      .filter(({ turnedAway }) => turnedAway > 0)
      .map(({ series }) => series);
    const problem = `more than ${this.settings.mostEntities} entities, further ones are turned away: ${full.join(", ")}`;
    this.context.reportHealth("fleet-size", full.length === 0 ? null : problem);
  }

  private othersHeardMs(fleet: Fleet): number | null {
    let newest: number | null = null;
    for (const other of this.fleets.values())
      if (other !== fleet) newest = Math.max(newest ?? Number.NEGATIVE_INFINITY, other.heardMs);
    return newest;
  }

  private async save(): Promise<void> {
    const isDirty = [...this.fleets.values()].some(({ dirty }) => dirty.size > 0);
    this.savingMs = 0;
    if (this.saved === this.read && !isDirty) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.saving = promise;
    const begun = performance.now();
    try {
      for (const fleet of this.fleets.values()) {
        sweep(fleet, this.intake.excused(fleet));
        if (fleet.dirty.size === 0 && this.read - fleet.lastSequence < STALE_MESSAGES) continue;
        // No message of this series lies between its own last one and the last one read.
        fleet.lastSequence = this.read;
        await this.store.save(fleet);
      }
      this.saved = this.read;
      this.context.reportHealth("fleet", null);
    } catch (err) {
      this.context.reportHealth("fleet", `fleet state cannot be saved: ${explain(err)}`);
      this.context.log.warn({ err }, "fleet state cannot be saved, will try again");
    } finally {
      this.savingMs = performance.now() - begun;
      this.saving = undefined;
      resolve();
    }
  }
}

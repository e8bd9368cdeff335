import type { Entry, KvBucket } from "../../shared/bus/kv.ts";
import { StaleStateError } from "../../shared/errors.ts";
import type { Outgoing } from "./state.ts";

const MAX_TRIES = 20;

/** Where an actor's state lives, how it begins and how its events leave. */
export interface ActorPorts<S> {
  readonly bucket: Pick<KvBucket<S>, "get" | "update">;
  readonly key: (forecaster: string) => string;
  /** The state of a forecaster that has none in the bucket. */
  readonly initial: (forecaster: string) => Promise<S>;
  /** The state to go on from, given the one in the bucket; undefined where that is as good as none. */
  readonly admit: (state: S) => Promise<S | undefined>;
  /** Has to be idempotent: an event may be handed over again after a crash. */
  readonly publish: (outgoing: Outgoing) => Promise<void>;
}

/**
 * State of one kind, one value a forecaster, that several processes decide on together.
 *
 * A decision is saved by compare-and-set, together with the events it wants (its outbox), and only then published.
 * So of two processes only one ever decides on a state, and a crash between saving and publishing loses nothing:
 * whoever comes next, `repair` if nobody else, publishes the outbox first.
 */
export class Actor<S extends { readonly outbox: Outgoing[] }> {
  private readonly ports: ActorPorts<S>;
  private readonly queues = new Map<string, Promise<unknown>>();
  /** As saved last by this process. Another one may have gone on since: only a saved decision shows that none has. */
  private readonly saved = new Map<string, Entry<S>>();

  constructor(ports: ActorPorts<S>) {
    this.ports = ports;
  }

  /** The state as it is now, without any decision; saved when it was not there. */
  async read(forecaster: string): Promise<S> {
    const { bucket, key, admit } = this.ports;
    const entry = await bucket.get(key(forecaster));
    const known = entry === undefined ? undefined : await admit(entry.value);
    return known ?? this.apply(forecaster, (state) => state);
  }

  /**
   * Decides, saves, publishes. `decide` gets a state with an empty outbox and returns the next one, or the same
   * object for "nothing changes"; it may be called again when another process was faster, and must be pure.
   *
   * @returns the state that was decided, saved unless nothing changed
   * @throws {StaleStateError} when others were faster 20 times in a row
   */
  apply(forecaster: string, decide: (state: S) => S): Promise<S> {
    const before = this.queues.get(forecaster) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => this.applyNow(forecaster, decide));
    this.queues.set(forecaster, mine);
    const forget = () => {
      if (this.queues.get(forecaster) === mine) this.queues.delete(forecaster);
    };
    mine.then(forget, forget);
    return mine;
  }

  /** Publishes what a crashed process left in the outbox. */
  async repair(forecaster: string): Promise<void> {
    const entry = await this.ports.bucket.get(this.ports.key(forecaster));
    if (entry !== undefined && entry.value.outbox.length > 0) await this.apply(forecaster, (state) => state);
  }

  private async applyNow(forecaster: string, decide: (state: S) => S): Promise<S> {
    const { bucket, key, initial, admit } = this.ports;
    for (let tries = 1; ; tries += 1) {
      const saved = this.saved.get(forecaster);
      this.saved.delete(forecaster);
      const entry = saved ?? (await bucket.get(key(forecaster)));
      const known = entry === undefined ? undefined : await admit(entry.value);
      const found = known ?? (await initial(forecaster));
      await this.publishAll(found.outbox);
      const state = found.outbox.length > 0 ? { ...found, outbox: [] } : found;
      const next = decide(state);
      if (next === found && known !== undefined) {
        if (saved === undefined) return next;
        continue;
      }
      try {
        const revision = await bucket.update(key(forecaster), next, entry?.revision ?? 0);
        const done =
          next.outbox.length > 0 ? await this.flush(forecaster, next, revision) : { value: next, revision };
        if (done !== undefined) this.saved.set(forecaster, done);
        return next;
      } catch (error) {
        if (!(error instanceof StaleStateError) || tries >= MAX_TRIES) throw error;
      }
    }
  }

  /** @returns the state with an empty outbox, undefined where another process went on from it */
  private async flush(forecaster: string, state: S, revision: number): Promise<Entry<S> | undefined> {
    await this.publishAll(state.outbox);
    const value = { ...state, outbox: [] };
    try {
      return { value, revision: await this.ports.bucket.update(this.ports.key(forecaster), value, revision) };
    } catch (error) {
      // The other process has published the same outbox and emptied it.
      if (!(error instanceof StaleStateError)) throw error;
      return undefined;
    }
  }

  private async publishAll(outbox: readonly Outgoing[]): Promise<void> {
    for (const outgoing of outbox) await this.ports.publish(outgoing);
  }
}

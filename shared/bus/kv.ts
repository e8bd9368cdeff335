import { setTimeout as sleep } from "node:timers/promises";
import { type KV, Kvm, type KvWatchEntry } from "@nats-io/kv";
import type { NatsConnection, QueuedIterator } from "@nats-io/nats-core";
import type { ZodType } from "zod";
import { check } from "../check.ts";
import { InvalidInputError, StaleStateError } from "../errors.ts";
import type { Log } from "../log.ts";
import { parseJson } from "./message.ts";
import { isWrongLastSequence, whileUnavailable } from "./retry.ts";
import type { BucketName } from "./topology.ts";

const WATCH_RETRY_MS = 1_000;

export interface Entry<T> {
  readonly value: T;
  readonly revision: number;
}

/** One bucket with values of one kind. Every write but `put` is compare-and-set. */
export class KvBucket<T> {
  private readonly name: BucketName;
  private readonly open: () => Promise<KV>;
  private readonly schema: ZodType<T>;
  private readonly log: Log;

  constructor(name: BucketName, open: () => Promise<KV>, schema: ZodType<T>, log: Log) {
    this.name = name;
    this.open = open;
    this.schema = schema;
    this.log = log;
  }

  async get(key: string): Promise<Entry<T> | undefined> {
    const entry = await this.ask(key, (kv) => kv.get(key));
    if (entry === null || entry.operation !== "PUT") return undefined;
    return { value: this.parse(key, entry.value), revision: entry.revision };
  }

  /** @throws {StaleStateError} when the key has a value */
  create(key: string, value: T): Promise<number> {
    return this.write(key, (kv, data) => kv.create(key, data), value);
  }

  /**
   * Compare-and-set. Revision 0 creates.
   * @throws {StaleStateError} when the key was written since `revision`
   */
  update(key: string, value: T, revision: number): Promise<number> {
    if (revision === 0) return this.create(key, value);
    return this.write(key, (kv, data) => kv.update(key, data, revision), value);
  }

  put(key: string, value: T): Promise<number> {
    return this.write(key, (kv, data) => kv.put(key, data), value);
  }

  async delete(key: string, revision?: number): Promise<void> {
    try {
      await this.ask(key, (kv) => kv.delete(key, revision === undefined ? {} : { previousSeq: revision }));
    } catch (error) {
      throw this.stale(key, error);
    }
  }

  async keys(filter = ">"): Promise<string[]> {
    const found: string[] = [];
    for await (const key of await this.ask(filter, (kv) => kv.keys(filter))) found.push(key);
    return found;
  }

  /** Current values under `filter`, unordered. A value that breaks its schema is logged and left out. */
  async entries(filter = ">"): Promise<(Entry<T> & { key: string })[]> {
    const found: (Entry<T> & { key: string })[] = [];
    for (const key of await this.keys(filter)) {
      try {
        const entry = await this.get(key);
        if (entry !== undefined) found.push({ key, ...entry });
      } catch (err) {
        if (!(err instanceof InvalidInputError)) throw err;
        this.log.warn({ err, bucket: this.name, key }, "value left out");
      }
    }
    return found;
  }

  /** Every kept revision of a key, oldest first; null for a deletion. */
  async history(key: string): Promise<{ value: T | null; revision: number; time: Date }[]> {
    const found: { value: T | null; revision: number; time: Date }[] = [];
    for await (const entry of await this.ask(key, (kv) => kv.history({ key }))) {
      const value = entry.operation === "PUT" ? this.parse(key, entry.value) : null;
      found.push({ value, revision: entry.revision, time: entry.created });
    }
    return found;
  }

  /**
   * Hands over the current values under `filter`, then every change; resolves once the current values were
   * handled. Guarantees the latest value of each key, not every value. Entries that break the schema are
   * logged and left out; an error of `handler` is logged and the watch goes on.
   */
  async watch(
    filter: string,
    handler: (entry: { key: string; value: T | null; revision: number }) => void | Promise<void>,
  ): Promise<{ stop(): void }> {
    await this.ask(filter, (kv) => kv.status()); // a bucket that is not there is an error now, not a silent wait
    const ready = Promise.withResolvers<void>();
    let stopped = false;
    let current: QueuedIterator<KvWatchEntry> | undefined;
    const run = async () => {
      const kv = await this.open();
      const entries = await kv.watch({ key: filter });
      current = entries;
      if (stopped) entries.stop();
      if (await this.isEmpty(kv, filter)) ready.resolve();
      for await (const entry of entries) {
        await this.handle(entry, handler);
        if (entry.delta === 0) ready.resolve();
      }
    };
    const supervise = async () => {
      while (!stopped) {
        await run().catch((err: unknown) =>
          this.log.error({ err, bucket: this.name, filter }, "watch failed"),
        );
        if (stopped) return;
        this.log.warn({ bucket: this.name, filter }, "watch ended, starting over");
        await sleep(WATCH_RETRY_MS);
      }
    };
    void supervise();
    await ready.promise;
    return {
      stop: () => {
        stopped = true;
        current?.stop();
      },
    };
  }

  private async isEmpty(kv: KV, filter: string): Promise<boolean> {
    const keys = await kv.keys(filter);
    for await (const _ of keys) {
      keys.stop();
      return false;
    }
    return true;
  }

  private async handle(
    entry: KvWatchEntry,
    handler: (entry: { key: string; value: T | null; revision: number }) => void | Promise<void>,
  ): Promise<void> {
    try {
      const value = entry.operation === "PUT" ? this.parse(entry.key, entry.value) : null;
      await handler({ key: entry.key, value, revision: entry.revision });
    } catch (err) {
      this.log.error(
        { err, bucket: this.name, key: entry.key, revision: entry.revision },
        "entry could not be handled",
      );
    }
  }

  private ask<R>(key: string, action: (kv: KV) => Promise<R>): Promise<R> {
    return whileUnavailable(`bucket '${this.name}', key '${key}'`, async () => action(await this.open()));
  }

  private async write(
    key: string,
    action: (kv: KV, data: Uint8Array) => Promise<number>,
    value: T,
  ): Promise<number> {
    const data = new TextEncoder().encode(JSON.stringify(value));
    let tries = 0;
    try {
      return await this.ask(key, (kv) => {
        tries += 1;
        return action(kv, data);
      });
    } catch (error) {
      // A try that timed out may have been stored all the same: then the value there is ours.
      if (tries > 1 && isWrongLastSequence(error)) {
        const entry = await this.ask(key, (kv) => kv.get(key));
        if (entry !== null && Buffer.compare(entry.value, data) === 0) return entry.revision;
      }
      throw this.stale(key, error);
    }
  }

  private stale(key: string, error: unknown): unknown {
    if (!isWrongLastSequence(error)) return error;
    return new StaleStateError(`'${key}' in bucket '${this.name}' was written by another since it was read`, {
      cause: error,
    });
  }

  private parse(key: string, data: Uint8Array): T {
    return check(this.schema, parseJson(`${this.name}/${key}`, data), `'${key}' in bucket '${this.name}'`);
  }
}

/** Opens buckets once and hands them out. */
export class Buckets {
  private readonly kvm: Kvm;
  private readonly log: Log;
  private readonly opened = new Map<BucketName, Promise<KV>>();

  constructor(nc: NatsConnection, log: Log) {
    this.kvm = new Kvm(nc);
    this.log = log;
  }

  bucket<T>(name: BucketName, schema: ZodType<T>): KvBucket<T> {
    const open = () => {
      const kv = this.opened.get(name) ?? this.kvm.open(name);
      this.opened.set(name, kv);
      kv.catch(() => this.opened.delete(name));
      return kv;
    };
    return new KvBucket(name, open, schema, this.log);
  }
}

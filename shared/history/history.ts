import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UnavailableError } from "../errors.ts";
import { dayIn } from "./day.ts";
import { type DuckDBConnection, openDatabase } from "./duckdb.ts";
import { moveDurably, removeAll, sha256Of, syncFile } from "./files.ts";
import { HistoryKeeper } from "./keeper.ts";
import { byArrival, type FileEntry, MANIFEST, Manifest, type SubjectRanges, subjectsOf } from "./manifest.ts";
import { partFile, type UpkeepRules } from "./merge-plan.ts";
import { RowWriter } from "./parquet.ts";
import { CORRUPT, NEXT_PART, recover, setDamagedAside, setForeignAside } from "./recover.ts";
import { relationIn } from "./relation.ts";
import type { RowBuffer } from "./row-buffer.ts";
import { SCHEMA_VERSION } from "./schema.ts";

export interface HistoryOptions extends Partial<UpkeepRules> {
  readonly folder: string;
  /** Folder that gets each day whole when its retention is over; absent: days are cut and deleted. */
  readonly archive?: string | undefined;
  /** IANA zone whose midnight begins a new file (default UTC). */
  readonly zone?: string;
}

/** Rows of one day, and the range of sequences that is durable with them. `rows` may be empty. */
export interface Batch {
  readonly stream: string;
  readonly day: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** When the server stored the message of `lastSeq`, in milliseconds. */
  readonly lastArrivedMs?: number;
  /** First and last sequence of each subject among the messages, where it is known. */
  readonly subjects?: SubjectRanges | undefined;
  readonly rows: RowBuffer;
}

const LOCK = "lock.duckdb";
/** Bytes whose digests are checked at a time. */
const SCRUB_BYTES = 64 * 2 ** 20;

/**
 * The append-only Parquet history of telemetry: one file a day, sealed parts while the day is open. What the
 * manifest names is the history, whatever else lies in the folder; so a crash at any point leaves each batch
 * whole or absent. One process at a time holds it.
 */
export class History {
  readonly folder: string;
  /** Day of a time of arrival, in the history's zone. */
  readonly dayOf: (timeMs: number) => string;
  /** What was wrong with the files when they were opened; what is damaged is set aside in `corrupt/`. */
  readonly problems: readonly string[];
  private readonly manifest: Manifest;
  private readonly writer: DuckDBConnection;
  private readonly rowWriter: RowWriter;
  private readonly connect: () => Promise<DuckDBConnection>;
  private readonly closeDatabase: () => void;
  private readonly keeper: HistoryKeeper;
  private turn: Promise<unknown> = Promise.resolve();
  private upkeepFor = "";
  private scrubbed = "";
  private readonly told: Set<string>;

  private constructor(
    parts: Pick<History, "folder" | "dayOf" | "problems"> & {
      manifest: Manifest;
      writer: DuckDBConnection;
      rowWriter: RowWriter;
      connect: () => Promise<DuckDBConnection>;
      closeDatabase: () => void;
      keeper: HistoryKeeper;
    },
  ) {
    this.folder = parts.folder;
    this.dayOf = parts.dayOf;
    this.problems = parts.problems;
    this.told = new Set(parts.problems);
    this.manifest = parts.manifest;
    this.writer = parts.writer;
    this.rowWriter = parts.rowWriter;
    this.connect = parts.connect;
    this.closeDatabase = parts.closeDatabase;
    this.keeper = parts.keeper;
  }

  /**
   * Opens or creates the history in a folder: finishes what a crash interrupted, removes leftovers, sets
   * damaged files aside.
   *
   * @throws {UnavailableError} when another process holds it
   * @throws {InvalidInputError} for an unknown zone or a damaged manifest
   */
  static async open({
    folder,
    zone = "UTC",
    mergeAt = 16,
    retentionDays = 60,
    archive,
  }: HistoryOptions): Promise<History> {
    const dayOf = dayIn(zone);
    await mkdir(join(folder, CORRUPT), { recursive: true });
    const database = await openDatabase(join(folder, LOCK)).catch((cause: unknown) => {
      throw new UnavailableError(`history '${folder}' is held by another process`, { cause });
    });
    const manifest = await Manifest.open(join(folder, MANIFEST));
    const problems = await recover(folder, manifest);
    const writer = await database.connect();
    const rowWriter = await RowWriter.create(writer, join(folder, NEXT_PART));
    return new History({
      folder,
      dayOf,
      problems,
      manifest,
      writer,
      rowWriter,
      connect: () => database.connect(),
      closeDatabase: () => database.closeSync(),
      keeper: new HistoryKeeper({ folder, manifest, writer, archive, rules: { mergeAt, retentionDays } }),
    });
  }

  /** Last sequence of the stream created at `stream` that is durable here; 0 for a stream never seen. */
  lastSequence(stream: string): number {
    return this.manifest.state.last.get(stream) ?? 0;
  }

  /** When the server stored the message of `lastSequence`, in milliseconds; undefined where it is not known. */
  lastArrival(stream: string): number | undefined {
    return this.manifest.state.arrivals.get(stream);
  }

  /** Creation times of the streams that were read, the one that was seen first first. */
  get streams(): readonly string[] {
    return [...this.manifest.state.last.keys()];
  }

  get files(): readonly FileEntry[] {
    return [...this.manifest.state.files.values()];
  }

  get rows(): number {
    return this.files.reduce((sum, { rows }) => sum + rows, 0);
  }

  /**
   * Makes a batch durable: temporary file, fsync, rename, fsync of the folder, manifest. When it rejects (a
   * full disk) nothing has happened and the same batch may be tried again.
   */
  append({ stream, day, firstSeq, lastSeq, lastArrivedMs, subjects, rows }: Batch): Promise<void> {
    const arrival = lastArrivedMs === undefined ? {} : { last_arrived_ms: lastArrivedMs };
    return this.inTurn(async () => {
      if (rows.rows === 0) {
        await this.manifest.append({ seen: { stream, last_seq: lastSeq, ...arrival } });
        return;
      }
      const file = partFile(day, firstSeq, lastSeq, (name) => this.manifest.state.files.has(name));
      const temporary = this.rowWriter.path;
      try {
        await this.rowWriter.write(rows, stream);
        await syncFile(temporary);
        const part = {
          file,
          day,
          stream,
          first_seq: firstSeq,
          last_seq: lastSeq,
          ...arrival,
          ...subjectsOf(subjects),
          rows: rows.rows,
          schema: SCHEMA_VERSION,
          level: 0,
          ...(await sha256Of(temporary)),
        };
        await moveDurably(temporary, join(this.folder, file));
        await this.manifest.append({ part });
      } catch (error) {
        await removeAll([temporary, join(this.folder, file)]);
        throw error;
      }
    });
  }

  /**
   * Sets the last sequence that counts as read without rows: back where the server has lost messages and will use
   * their sequences again, forward over messages that can never be read.
   */
  markRead(stream: string, lastSeq: number): Promise<void> {
    return this.inTurn(() => this.manifest.append({ seen: { stream, last_seq: lastSeq } }));
  }

  /**
   * Checks the bytes of some files, others each time, until all had their turn, and looks for files that do not
   * belong here. What is damaged or foreign is set aside.
   *
   * @returns what was wrong and was not told before, one text a file
   */
  scrub(): Promise<string[]> {
    return this.inTurn(async () => {
      const names = [...this.manifest.state.files.keys()].sort();
      const begin = names.findIndex((name) => name > this.scrubbed);
      const order = begin < 0 ? names : [...names.slice(begin), ...names.slice(0, begin)];
      const entries: FileEntry[] = [];
      for (let bytes = 0, n = 0; n < order.length && bytes < SCRUB_BYTES; n++) {
        const entry = this.manifest.state.files.get(order[n]!)!;
        bytes += entry.bytes;
        entries.push(entry);
      }
      const damaged = await setDamagedAside(this.folder, this.manifest, entries);
      this.scrubbed = entries.at(-1)?.file ?? "";
      const foreign = await setForeignAside(this.folder, this.manifest.state);
      const problems = [...damaged, ...foreign].filter((problem) => !this.told.has(problem));
      for (const problem of problems) this.told.add(problem);
      return problems;
    });
  }

  /**
   * Merges and deletes what is due at `nowMs`; does nothing, and touches no file, when nothing is. Days past
   * `retentionDays` keep their observations until they are past `observationDays`, too. With an archive, what a day
   * loses goes there first, as a day's file; a folder that takes nothing keeps all days as they are.
   */
  upkeep(nowMs: number, observationDays = Infinity): Promise<void> {
    const today = this.dayOf(nowMs);
    const key = () => `${today} ${observationDays} ${this.manifest.state.files.size}`;
    if (key() === this.upkeepFor) return Promise.resolve();
    return this.inTurn(async () => {
      await this.keeper.keepUp(today, observationDays);
      this.upkeepFor = key();
    });
  }

  /**
   * Runs `use` over the history as it is now: `relation` is SQL to select from, with the columns of
   * `HISTORY_COLUMNS`, oldest first. Writing waits for it, so that no file changes under the query.
   */
  read<T>(use: (relation: string, connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      const files = this.files.toSorted(byArrival);
      const connection = await this.connect();
      try {
        return await use(relationIn(this.folder, files), connection);
      } finally {
        connection.closeSync();
      }
    });
  }

  /** Lets go of the folder once what is being written is written. */
  async close(): Promise<void> {
    await this.inTurn(async () => {
      this.writer.closeSync();
      this.closeDatabase();
    });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work, work);
    this.turn = done.catch(() => {});
    return done;
  }
}

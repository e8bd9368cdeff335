import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UnavailableError } from "../errors.ts";
import { dayIn } from "./day.ts";
import { type DuckDBConnection, openDatabase } from "./duckdb.ts";
import { moveDurably, removeAll, sha256Of, syncFile, syncFolder } from "./files.ts";
import { type FileEntry, Manifest } from "./manifest.ts";
import { type Merge, OBSERVATIONS_LEVEL, partFile, planUpkeep, type UpkeepRules } from "./merge-plan.ts";
import { RowWriter, relationOf, writeQuery } from "./parquet.ts";
import { CORRUPT, recover } from "./recover.ts";
import type { RowBuffer } from "./row-buffer.ts";
import { SCHEMA_VERSION } from "./schema.ts";

export interface HistoryOptions extends Partial<UpkeepRules> {
  readonly folder: string;
  /** IANA zone whose midnight begins a new file (default UTC). */
  readonly zone?: string;
}

/** Rows of one day, and the range of sequences that is durable with them. `rows` may be empty. */
export interface Batch {
  readonly stream: string;
  readonly day: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly rows: RowBuffer;
}

const LOCK = "lock.duckdb";
const MANIFEST = "manifest.ndjson";
const NEXT_PART = "metrics_next.tmp";

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
  private readonly rules: UpkeepRules;
  private turn: Promise<unknown> = Promise.resolve();
  private upkeepFor = "";

  private constructor(
    parts: Pick<History, "folder" | "dayOf" | "problems"> & {
      manifest: Manifest;
      writer: DuckDBConnection;
      rowWriter: RowWriter;
      connect: () => Promise<DuckDBConnection>;
      closeDatabase: () => void;
      rules: UpkeepRules;
    },
  ) {
    this.folder = parts.folder;
    this.dayOf = parts.dayOf;
    this.problems = parts.problems;
    this.manifest = parts.manifest;
    this.writer = parts.writer;
    this.rowWriter = parts.rowWriter;
    this.connect = parts.connect;
    this.closeDatabase = parts.closeDatabase;
    this.rules = parts.rules;
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
      rules: { mergeAt, retentionDays },
    });
  }

  /** Last sequence of the stream created at `stream` that is durable here; 0 for a stream never seen. */
  lastSequence(stream: string): number {
    return this.manifest.state.last.get(stream) ?? 0;
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
  append({ stream, day, firstSeq, lastSeq, rows }: Batch): Promise<void> {
    return this.inTurn(async () => {
      if (rows.rows === 0) {
        await this.manifest.append({ seen: { stream, last_seq: lastSeq } });
        return;
      }
      const file = partFile(day, firstSeq, lastSeq, (name) => this.manifest.state.files.has(name));
      const temporary = this.rowWriter.path;
      try {
        await this.rowWriter.write(rows);
        await syncFile(temporary);
        const part = {
          file,
          day,
          stream,
          first_seq: firstSeq,
          last_seq: lastSeq,
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

  /** Forgets sequences above `lastSeq`: the server has lost them and will use them again. */
  rewind(stream: string, lastSeq: number): Promise<void> {
    return this.inTurn(() => this.manifest.append({ seen: { stream, last_seq: lastSeq } }));
  }

  /**
   * Merges and deletes what is due at `nowMs`; does nothing, and touches no file, when nothing is. Days past
   * `retentionDays` keep their observations until they are past `observationDays`, too.
   */
  upkeep(nowMs: number, observationDays = Infinity): Promise<void> {
    const today = this.dayOf(nowMs);
    const key = () => `${today} ${observationDays} ${this.manifest.state.files.size}`;
    if (key() === this.upkeepFor) return Promise.resolve();
    return this.inTurn(async () => {
      const plan = planUpkeep(this.files, today, this.rules, observationDays);
      if (plan.expired.length > 0) await this.drop(plan.expired);
      for (const merge of plan.merges) await this.merge(merge);
      if (plan.merges.length > 0) await this.manifest.rewrite();
      this.upkeepFor = key();
    });
  }

  /**
   * Runs `use` over the history as it is now: `relation` is SQL to select from, with the columns of
   * `HISTORY_COLUMNS`, oldest first. Writing waits for it, so that no file changes under the query.
   */
  read<T>(use: (relation: string, connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      const files = this.files.toSorted((a, b) =>
        a.day < b.day ? -1 : a.day > b.day ? 1 : a.first_seq - b.first_seq,
      );
      const connection = await this.connect();
      try {
        return await use(this.relation(files), connection);
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

  private relation(files: readonly FileEntry[]): string {
    const paths = files.map(({ file }) => join(this.folder, file));
    return relationOf(
      paths,
      files.some(({ schema }) => schema !== SCHEMA_VERSION),
    );
  }

  private async merge({ day, from, file, level }: Merge): Promise<void> {
    const temporary = `${file}.merged`;
    const path = join(this.folder, temporary);
    const sources = from.map((each) => each.file);
    const which = level === OBSERVATIONS_LEVEL ? " WHERE kind = 'observation'" : "";
    try {
      const rows = await writeQuery(this.writer, `SELECT * FROM ${this.relation(from)}${which}`, path);
      if (rows === 0) {
        await removeAll([path]);
        await this.drop(sources);
        return;
      }
      await syncFile(path);
      const { stream } = from.at(-1)!;
      const into: FileEntry = {
        file,
        day,
        stream,
        first_seq: Math.min(...from.map((each) => each.first_seq)),
        last_seq: Math.max(...from.map((each) => each.last_seq)),
        rows,
        schema: SCHEMA_VERSION,
        level,
        ...(await sha256Of(path)),
      };
      await syncFolder(this.folder);
      // From this line on the merged file counts and its sources do not; the next start finishes what a crash leaves undone.
      await this.manifest.append({ merge: { into, temporary, from: sources } });
    } catch (error) {
      await removeAll([path]);
      throw error;
    }
    await moveDurably(path, join(this.folder, file));
    await this.remove(sources.filter((each) => each !== file));
  }

  private async drop(files: readonly string[]): Promise<void> {
    await this.manifest.append({ drop: { files: [...files], why: "retention" } });
    await this.remove(files);
  }

  /** What cannot be removed is a leftover, which the next start tries again. */
  private async remove(files: readonly string[]): Promise<void> {
    await removeAll(files.map((file) => join(this.folder, file))).catch(() => {});
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work, work);
    this.turn = done.catch(() => {});
    return done;
  }
}

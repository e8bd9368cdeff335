import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TELEMETRY_KINDS, type TelemetryKind } from "../contracts/subjects.ts";
import { InvalidInputError, UnavailableError } from "../errors.ts";
import { type DuckDBConnection, quote, timestamp, withMemory } from "./duckdb.ts";
import { byArrival, type FileEntry, MANIFEST, Manifest, type ManifestState } from "./manifest.ts";
import { relationOf } from "./parquet.ts";
import { type HistoryRecord, recordsOfKind } from "./records.ts";
import { SCHEMA_VERSION } from "./schema.ts";

const RETRY_DELAYS_MS: readonly number[] = [5, 10, 20, 50, 100, 200, 400];
const BATCH_ROWS = 50_000;

export interface RecordQuery {
  /** Absent: all four. */
  readonly kinds?: readonly TelemetryKind[];
  /** Series of observations and forecasters of everything else; absent: all. */
  readonly ids?: readonly string[];
  /** Times of arrival, both inclusive. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** About how many rows a batch holds (default 50,000). */
  readonly batchRows?: number;
}

/** Where the history ends: a stream by its creation time, and its last sequence that is durable here. */
export interface StreamEnd {
  readonly stream: string;
  readonly lastSeq: number;
}

/**
 * The history for reading, also while another process writes it: it takes no lock and changes nothing. Files
 * that a merge replaces while they are read are looked up anew in the manifest, so that every row is seen once.
 */
export class HistoryView {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Ends of all streams that were seen, oldest stream first. */
  async ends(): Promise<StreamEnd[]> {
    const { last } = await this.manifest();
    return [...last].map(([stream, lastSeq]) => ({ stream, lastSeq }));
  }

  /**
   * Runs `use` over the history as it is now: `relation` is SQL to select from, with the columns of
   * `HISTORY_COLUMNS`. `use` runs again when a file was replaced under it, so it must not keep what it has seen
   * on the way.
   *
   * @throws {UnavailableError} when files keep changing or are not what the manifest says
   */
  read<T>(use: (relation: string, connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.steadily(async (state, whole) => {
      const files = [...state.files.values()].toSorted(byArrival);
      return whole(files, (relation) => withMemory((connection) => use(relation, connection)));
    });
  }

  /**
   * The records in the order of the stream, in batches that end with a message. What arrives after the first
   * batch was asked for is left out; what retention deletes meanwhile is missing.
   *
   * Observations that the buffer dropped as duplicates are not among them.
   *
   * @throws as `read`
   */
  async *records(query: RecordQuery = {}): AsyncGenerator<HistoryRecord[]> {
    for (const { stream, lastSeq } of await this.ends()) {
      for (let from = 1; from <= lastSeq; ) {
        const { records, next } = await this.steadily((state, whole) => {
          const files = [...state.files.values()]
            .filter((file) => holds(file, stream) && overlaps(file, from, lastSeq) && mayHold(file, query))
            .toSorted((a, b) => a.first_seq - b.first_seq);
          if (files.length === 0) return Promise.resolve({ records: [], next: lastSeq + 1 });
          const range = rangeOf(files, from, lastSeq, query.batchRows ?? BATCH_ROWS);
          return whole(
            files.filter((file) => overlaps(file, range.from, range.to)),
            async (relation) => ({ records: await read(relation, stream, range, query), next: range.to + 1 }),
            true,
          );
        });
        if (records.length > 0) yield records;
        from = next;
      }
    }
  }

  private async manifest(): Promise<ManifestState> {
    return (await Manifest.open(join(this.folder, MANIFEST))).state;
  }

  /** Tries with the newest manifest until no file changed while it was read. */
  private async steadily<T>(attempt: (state: ManifestState, whole: Whole) => Promise<T>): Promise<T> {
    let moved = "";
    const whole: Whole = async (files, use, numbered = false) => {
      const before = await this.identities(files);
      const paths = files.map(({ file }) => join(this.folder, file));
      const isMixed = files.some(({ schema }) => schema !== SCHEMA_VERSION);
      const [outcome] = await Promise.allSettled([use(relationOf(paths, isMixed, numbered))]);
      // Whatever came out of files that changed meanwhile does not count, an error neither.
      const after = await this.identities(files);
      const changed = files.find((_, i) => after[i] !== before[i]);
      if (changed !== undefined) throw new FileMoved(changed.file);
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    };
    for (const delayMs of RETRY_DELAYS_MS) {
      try {
        return await attempt(await this.manifest(), whole);
      } catch (error) {
        if (!(error instanceof FileMoved)) throw error;
        moved = error.file;
        await sleep(delayMs);
      }
    }
    throw new UnavailableError(
      `history '${this.folder}': file '${moved}' is not as the manifest says or keeps changing`,
    );
  }

  /** @throws {FileMoved} for a file that is not the one the manifest names */
  private identities(files: readonly FileEntry[]): Promise<string[]> {
    return Promise.all(
      files.map(async ({ file, bytes }) => {
        const found = await stat(join(this.folder, file), { bigint: true }).catch(() => undefined);
        if (found === undefined || found.size !== BigInt(bytes)) throw new FileMoved(file);
        return `${found.ino} ${found.mtimeNs}`;
      }),
    );
  }
}

/** Runs `use` over files as one relation, and throws if one of them changed. */
type Whole = <T>(
  files: readonly FileEntry[],
  use: (relation: string) => Promise<T>,
  numbered?: boolean,
) => Promise<T>;

class FileMoved extends Error {
  readonly file: string;

  constructor(file: string) {
    super(`${file} moved`);
    this.file = file;
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Opens a history folder for reading only.
 *
 * @throws {InvalidInputError} when the folder holds no history
 */
export async function openHistoryView(folder: string): Promise<HistoryView> {
  const found = await stat(join(folder, MANIFEST)).catch(() => undefined);
  if (found === undefined)
    throw new InvalidInputError(`'${folder}' holds no history: expected a file ${MANIFEST} in it`);
  return new HistoryView(folder);
}

function read(
  relation: string,
  stream: string,
  { from, to }: Range,
  query: RecordQuery,
): Promise<HistoryRecord[]> {
  const { kinds = TELEMETRY_KINDS, ids, fromMs, toMs } = query;
  const where = [
    `(stream = ${quote(stream)} OR stream IS NULL)`,
    `seq BETWEEN ${from} AND ${to}`,
    ...(ids === undefined ? [] : [`id IN (${[...ids.map(quote), "NULL"].join(", ")})`]),
    ...(fromMs === undefined ? [] : [`arrived >= ${timestamp(fromMs)}`]),
    ...(toMs === undefined ? [] : [`arrived <= ${timestamp(toMs)}`]),
  ].join(" AND ");
  return withMemory(async (connection) => {
    const records: HistoryRecord[] = [];
    for (const kind of kinds) {
      for (const record of await recordsOfKind(connection, relation, kind, stream, where))
        records.push(record);
    }
    return records.sort((a, b) => a.seq - b.seq || a.idx - b.idx || a.arrivedMs - b.arrivedMs);
  });
}

/** Sequences from `from` on that hold about `rows` rows, by the files' averages. */
function rangeOf(files: readonly FileEntry[], from: number, lastSeq: number, rows: number): Range {
  const start = Math.max(from, files[0]!.first_seq);
  let to = start - 1;
  let room = rows;
  for (const { first_seq, last_seq, rows: held } of files) {
    const begin = Math.max(first_seq, to + 1);
    if (begin > last_seq) continue;
    const each = held / (last_seq - first_seq + 1);
    const fits = Math.max(1, Math.floor(room / each));
    to = Math.min(last_seq, lastSeq, begin + fits - 1);
    room -= (to - begin + 1) * each;
    if (to < last_seq || room <= 0) break;
  }
  return { from: start, to };
}

function holds({ stream, also = [] }: FileEntry, wanted: string): boolean {
  return stream === wanted || also.includes(wanted);
}

function overlaps({ first_seq, last_seq }: FileEntry, from: number, to: number): boolean {
  return first_seq <= to && last_seq >= from;
}

const DAY_MS = 86_400_000;

/** Whether a file's day, in any zone, meets the times of arrival that are asked for. */
function mayHold({ day }: FileEntry, { fromMs = -Infinity, toMs = Infinity }: RecordQuery): boolean {
  const dayMs = Date.parse(`${day}T00:00:00Z`);
  return dayMs + 2 * DAY_MS > fromMs && dayMs - DAY_MS <= toMs;
}

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { InvalidInputError } from "../errors.ts";
import { appendDurably, replaceDurably } from "./files.ts";

/** The journal's name in the history's folder. */
export const MANIFEST = "manifest.ndjson";

/** One Parquet file of the history. `stream` is the creation time of the TELEMETRY stream it was read from. */
export const FileEntry = z.object({
  file: z.string(),
  day: z.string(),
  stream: z.string(),
  also: z.array(z.string()).optional().describe("earlier streams that a merged file has rows of, too"),
  first_seq: z.number(),
  last_seq: z.number(),
  last_arrived_ms: z.number().optional().describe("when the server stored the message of last_seq"),
  subjects: z
    .record(z.string(), z.tuple([z.number(), z.number()]))
    .optional()
    .describe(
      "first and last sequence of what was published on each subject; absent where they are too many",
    ),
  rows: z.number(),
  bytes: z.number(),
  sha256: z.string(),
  schema: z.number(),
  level: z
    .number()
    .describe("0 as it arrived, one more each time it was merged; -1 a whole day, -2 its observations"),
});
export type FileEntry = z.infer<typeof FileEntry>;

/** First and last sequence of each subject. */
export type SubjectRanges = ReadonlyMap<string, readonly [first: number, last: number]>;

/** Oldest first. */
export function byArrival(a: FileEntry, b: FileEntry): number {
  if (a.day !== b.day) return a.day < b.day ? -1 : 1;
  if (a.stream !== b.stream) return a.stream < b.stream ? -1 : 1;
  return a.first_seq - b.first_seq;
}

/** Ranges of the subjects over several files of one stream; undefined where one does not know its own. */
export function mergedSubjects(files: readonly FileEntry[]): Map<string, [number, number]> | undefined {
  const merged = new Map<string, [number, number]>();
  for (const { subjects } of files) {
    if (subjects === undefined) return undefined;
    for (const [subject, [first, last]] of Object.entries(subjects)) {
      const [low, high] = merged.get(subject) ?? [first, last];
      merged.set(subject, [Math.min(low, first), Math.max(high, last)]);
    }
  }
  return merged;
}

/** The range of each subject as an entry says it; nothing where it is not known. */
export function subjectsOf(subjects: SubjectRanges | undefined): Pick<FileEntry, "subjects"> {
  if (subjects === undefined) return {};
  return {
    subjects: Object.fromEntries([...subjects].map(([subject, [first, last]]) => [subject, [first, last]])),
  };
}

const Line = z.union([
  z.object({ part: FileEntry }),
  z.object({
    seen: z.object({ stream: z.string(), last_seq: z.number(), last_arrived_ms: z.number().optional() }),
  }),
  z.object({ merge: z.object({ into: FileEntry, temporary: z.string(), from: z.array(z.string()) }) }),
  z.object({ drop: z.object({ files: z.array(z.string()), why: z.string() }) }),
]);
export type Line = z.infer<typeof Line>;

export interface ManifestState {
  readonly files: ReadonlyMap<string, FileEntry>;
  /** Last sequence that is durable here, for each stream by its creation time. */
  readonly last: ReadonlyMap<string, number>;
  /** When the server stored the message of that last sequence, where it is known. */
  readonly arrivals: ReadonlyMap<string, number>;
  /** Files that were merged or dropped since the journal was rewritten; they may still be in the folder. */
  readonly gone: ReadonlySet<string>;
  /** Merged files whose rename may not have happened yet: temporary name -> final name. */
  readonly renames: ReadonlyMap<string, string>;
}

export const EMPTY_MANIFEST: ManifestState = {
  files: new Map(),
  last: new Map(),
  arrivals: new Map(),
  gone: new Set(),
  renames: new Map(),
};

/** The manifest after one more line. Pure. */
export function applyLine(state: ManifestState, line: Line): ManifestState {
  const files = new Map(state.files);
  const last = new Map(state.last);
  const arrivals = new Map(state.arrivals);
  const gone = new Set(state.gone);
  const renames = new Map(state.renames);
  const see = (stream: string, seq: number, arrivedMs: number | undefined) => {
    last.set(stream, seq);
    if (arrivedMs === undefined) arrivals.delete(stream);
    else arrivals.set(stream, arrivedMs);
  };
  const forget = (names: readonly string[]) => {
    for (const name of names) {
      files.delete(name);
      gone.add(name);
    }
  };
  if ("part" in line) {
    const { file, stream, last_seq, last_arrived_ms } = line.part;
    files.set(file, line.part);
    if (last_seq > (last.get(stream) ?? 0)) see(stream, last_seq, last_arrived_ms);
  } else if ("seen" in line) {
    see(line.seen.stream, line.seen.last_seq, line.seen.last_arrived_ms);
  } else if ("merge" in line) {
    forget(line.merge.from);
    files.set(line.merge.into.file, line.merge.into);
    renames.set(line.merge.temporary, line.merge.into.file);
  } else forget(line.drop.files);
  for (const name of files.keys()) gone.delete(name);
  return { files, last, arrivals, gone, renames };
}

/**
 * The append-only journal that says which files make up the history. A line is durable when `append`
 * resolves; a line that a crash cut off is dropped on the next start.
 */
export class Manifest {
  private readonly path: string;
  private current: ManifestState;

  private constructor(path: string, state: ManifestState) {
    this.path = path;
    this.current = state;
  }

  /** @throws {InvalidInputError} naming file and line when the journal is damaged before its end */
  static async open(path: string): Promise<Manifest> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const lines = text
      .slice(0, text.lastIndexOf("\n") + 1)
      .split("\n")
      .filter((line) => line !== "");
    let state = EMPTY_MANIFEST;
    for (const [index, line] of lines.entries()) state = applyLine(state, parseLine(path, index + 1, line));
    return new Manifest(path, state);
  }

  get state(): ManifestState {
    return this.current;
  }

  async append(line: Line): Promise<void> {
    await appendDurably(this.path, `${JSON.stringify(line)}\n`);
    this.current = applyLine(this.current, line);
  }

  /** Rewrites the journal as what it amounts to, once the renames it speaks of are done. */
  async rewrite(): Promise<void> {
    const { arrivals } = this.current;
    const seen = [...this.current.last].map(([stream, last_seq]): Line => {
      const last_arrived_ms = arrivals.get(stream);
      return { seen: { stream, last_seq, ...(last_arrived_ms === undefined ? {} : { last_arrived_ms }) } };
    });
    const parts = [...this.current.files.values()].map((part): Line => ({ part }));
    // First for the order of the streams, last because a file may hold sequences that the server has lost since.
    const lines = [...seen, ...parts, ...seen];
    await replaceDurably(this.path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    this.current = { ...this.current, renames: new Map(), gone: new Set() };
  }
}

function parseLine(path: string, number: number, text: string): Line {
  try {
    return Line.parse(JSON.parse(text));
  } catch (cause) {
    throw new InvalidInputError(`${path}, line ${number}: no line of a history manifest`, { cause });
  }
}

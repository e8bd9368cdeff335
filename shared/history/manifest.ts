import { readFile } from "node:fs/promises";
import { z } from "zod";
import { InvalidInputError } from "../errors.ts";
import { appendDurably, replaceDurably } from "./files.ts";

/** One Parquet file of the history. `stream` is the creation time of the TELEMETRY stream it was read from. */
export const FileEntry = z.object({
  file: z.string(),
  day: z.string(),
  stream: z.string(),
  first_seq: z.number(),
  last_seq: z.number(),
  rows: z.number(),
  bytes: z.number(),
  sha256: z.string(),
  schema: z.number(),
  level: z
    .number()
    .describe("0 as it arrived, one more each time it was merged; -1 a whole day, -2 its observations"),
});
export type FileEntry = z.infer<typeof FileEntry>;

const Line = z.union([
  z.object({ part: FileEntry }),
  z.object({ seen: z.object({ stream: z.string(), last_seq: z.number() }) }),
  z.object({ merge: z.object({ into: FileEntry, temporary: z.string(), from: z.array(z.string()) }) }),
  z.object({ drop: z.object({ files: z.array(z.string()), why: z.string() }) }),
]);
export type Line = z.infer<typeof Line>;

export interface ManifestState {
  readonly files: ReadonlyMap<string, FileEntry>;
  /** Last sequence that is durable here, for each stream by its creation time. */
  readonly last: ReadonlyMap<string, number>;
  /** Merged files whose rename may not have happened yet: temporary name -> final name. */
  readonly renames: ReadonlyMap<string, string>;
}

export const EMPTY_MANIFEST: ManifestState = { files: new Map(), last: new Map(), renames: new Map() };

/** The manifest after one more line. Pure. */
export function applyLine(state: ManifestState, line: Line): ManifestState {
  const files = new Map(state.files);
  const last = new Map(state.last);
  const renames = new Map(state.renames);
  const saw = (stream: string, seq: number) => last.set(stream, Math.max(last.get(stream) ?? 0, seq));
  if ("part" in line) {
    files.set(line.part.file, line.part);
    saw(line.part.stream, line.part.last_seq);
  } else if ("seen" in line) {
    last.set(line.seen.stream, line.seen.last_seq);
  } else if ("merge" in line) {
    for (const file of line.merge.from) files.delete(file);
    files.set(line.merge.into.file, line.merge.into);
    renames.set(line.merge.temporary, line.merge.into.file);
  } else {
    for (const file of line.drop.files) files.delete(file);
  }
  return { files, last, renames };
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
    const lines: Line[] = [
      ...[...this.current.files.values()].map((part): Line => ({ part })),
      ...[...this.current.last].map(([stream, last_seq]): Line => ({ seen: { stream, last_seq } })),
    ];
    await replaceDurably(this.path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    this.current = { ...this.current, renames: new Map() };
  }
}

function parseLine(path: string, number: number, text: string): Line {
  try {
    return Line.parse(JSON.parse(text));
  } catch (cause) {
    throw new InvalidInputError(`${path}, line ${number}: no line of a history manifest`, { cause });
  }
}

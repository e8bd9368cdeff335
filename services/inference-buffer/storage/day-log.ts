import { createReadStream } from "node:fs";
import { mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { appendDurably, moveDurably, syncFile } from "../../../shared/history/files.ts";

/** Where a line came from: the creation time of the TELEMETRY stream, and a sequence in it. */
export interface Line {
  readonly stream: string;
  readonly seq: number;
}

/** Lines that are written at once, at most: a text has a greatest length, which a file has not. */
const SLICE_LINES = 1_000;
/** Characters after which a slice takes no further line. */
const SLICE_LENGTH = 8_000_000;

/** Lines of JSON beside the history, one file `<name>_YYYY-MM-DD.ndjson` a day of arrival. */
export class DayLog<L extends Line> {
  private readonly folder: string;
  private readonly name: string;
  private readonly learn: (day: string, line: L) => void;

  /** @param learn is told every line that is there, on opening, and every line that is added */
  constructor(folder: string, name: string, learn: (day: string, line: L) => void) {
    this.folder = folder;
    this.name = name;
    this.learn = learn;
  }

  /**
   * Drops lines after `lastSeq` of `stream`: they were written, but the manifest did not get to know it, so
   * their messages come again. A line that a crash cut off goes, too. Files may be larger than memory.
   */
  async open(stream: string, lastSeq: number): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const name = new RegExp(`^${this.name}_(\\d{4}-\\d\\d-\\d\\d)\\.ndjson$`);
    const isKept = (line: L | undefined) =>
      line !== undefined && !(line.stream === stream && line.seq > lastSeq);
    for (const day of (await readdir(this.folder)).flatMap((each) => name.exec(each)?.[1] ?? [])) {
      const path = this.path(day);
      let isWhole = true;
      for await (const { lines, isCut } of linesOf(path)) {
        if (isCut) isWhole = false;
        for (const text of lines) {
          const line = parsed<L>(text);
          if (isKept(line)) this.learn(day, line!);
          else isWhole = false;
        }
      }
      if (!isWhole) await rewrite(path, (text) => isKept(parsed<L>(text)));
    }
  }

  /** Makes lines durable, slice by slice, and takes what is durable out of `lines`: trying again is safe. */
  async append(day: string, lines: L[]): Promise<void> {
    while (lines.length > 0) {
      let text = "";
      let count = 0;
      while (count < Math.min(lines.length, SLICE_LINES) && text.length < SLICE_LENGTH)
        text += `${JSON.stringify(lines[count++])}\n`;
      await appendDurably(this.path(day), text);
      for (const line of lines.splice(0, count)) this.learn(day, line);
    }
  }

  private path(day: string): string {
    return join(this.folder, `${this.name}_${day}.ndjson`);
  }
}

interface Lines {
  /** Without the empty ones. */
  readonly lines: readonly string[];
  /** Whether the last of them has no end. */
  readonly isCut: boolean;
}

/** Piece by piece. Only "\n" ends a line: `node:readline` would end it at U+2028, too, which JSON may hold. */
async function* linesOf(path: string): AsyncGenerator<Lines> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: 1 << 20 })) {
    const lines = (rest + (chunk as string)).split("\n");
    rest = lines.pop()!;
    yield { lines: lines.filter((line) => line !== ""), isCut: false };
  }
  if (rest !== "") yield { lines: [rest], isCut: true };
}

/** Replaces a file by those of its lines that are kept: a crash leaves the old or the new content. */
async function rewrite(path: string, isKept: (line: string) => boolean): Promise<void> {
  const temporary = `${path}.tmp`;
  const handle = await open(temporary, "w");
  try {
    for await (const { lines } of linesOf(path)) {
      const kept = lines.filter(isKept);
      if (kept.length > 0) await handle.appendFile(`${kept.join("\n")}\n`);
    }
  } finally {
    await handle.close();
  }
  await syncFile(temporary);
  await moveDurably(temporary, path);
}

function parsed<L>(line: string): L | undefined {
  try {
    return JSON.parse(line) as L;
  } catch {
    return undefined;
  }
}

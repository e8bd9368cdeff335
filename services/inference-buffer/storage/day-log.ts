import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { appendDurably, replaceDurably } from "../../../shared/history/files.ts";

/** Where a line came from: the creation time of the TELEMETRY stream, and a sequence in it. */
export interface Line {
  readonly stream: string;
  readonly seq: number;
}

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
   * their messages come again. A line that a crash cut off goes, too.
   */
  async open(stream: string, lastSeq: number): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const name = new RegExp(`^${this.name}_(\\d{4}-\\d\\d-\\d\\d)\\.ndjson$`);
    for (const day of (await readdir(this.folder)).flatMap((each) => name.exec(each)?.[1] ?? [])) {
      const path = this.path(day);
      const text = await readFile(path, "utf8");
      const texts = text.split("\n").filter((line) => line !== "");
      const kept: string[] = [];
      for (const each of texts) {
        const line = parsed<L>(each);
        if (line === undefined || (line.stream === stream && line.seq > lastSeq)) continue;
        kept.push(each);
        this.learn(day, line);
      }
      if (kept.length < texts.length || !(text === "" || text.endsWith("\n")))
        await replaceDurably(path, kept.map((line) => `${line}\n`).join(""));
    }
  }

  async append(day: string, lines: readonly L[]): Promise<void> {
    if (lines.length === 0) return;
    await appendDurably(this.path(day), lines.map((each) => `${JSON.stringify(each)}\n`).join(""));
    for (const line of lines) this.learn(day, line);
  }

  private path(day: string): string {
    return join(this.folder, `${this.name}_${day}.ndjson`);
  }
}

function parsed<L>(line: string): L | undefined {
  try {
    return JSON.parse(line) as L;
  } catch {
    return undefined;
  }
}

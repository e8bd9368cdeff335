import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { appendDurably, replaceDurably } from "../../shared/history/files.ts";

/** A record that was refused, as one line of `quarantine_YYYY-MM-DD.ndjson`. */
export interface Refused {
  readonly stream: string; // the TELEMETRY stream's creation time
  readonly seq: number;
  readonly idx: number; // place in the message; -1: the message as a whole
  readonly subject: string;
  readonly arrived: string;
  readonly reason: string;
  readonly record: unknown; // base64 text where it is no JSON
}

const NAME = /^quarantine_\d{4}-\d\d-\d\d\.ndjson$/;

/** The folder of what was refused, one file a day of arrival. */
export class Quarantine {
  private readonly folder: string;
  private lines = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Records refused so far, over all restarts. */
  get count(): number {
    return this.lines;
  }

  /**
   * Counts what is there, and drops lines after `lastSeq` of `stream`: they were written, but the manifest
   * did not get to know it, so their messages come again. A line that a crash cut off goes, too.
   */
  async open(stream: string, lastSeq: number): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    this.lines = 0;
    for (const name of (await readdir(this.folder)).filter((each) => NAME.test(each))) {
      const path = join(this.folder, name);
      const text = await readFile(path, "utf8");
      const lines = text.split("\n").filter((line) => line !== "");
      const kept = lines.filter((line) => isKept(line, stream, lastSeq));
      if (kept.length < lines.length || !(text === "" || text.endsWith("\n")))
        await replaceDurably(path, kept.map((line) => `${line}\n`).join(""));
      this.lines += kept.length;
    }
  }

  async append(day: string, refused: readonly Refused[]): Promise<void> {
    if (refused.length === 0) return;
    const path = join(this.folder, `quarantine_${day}.ndjson`);
    await appendDurably(path, refused.map((each) => `${JSON.stringify(each)}\n`).join(""));
    this.lines += refused.length;
  }
}

function isKept(line: string, stream: string, lastSeq: number): boolean {
  try {
    const refused = JSON.parse(line) as Refused;
    return refused.stream !== stream || refused.seq <= lastSeq;
  } catch {
    return false;
  }
}

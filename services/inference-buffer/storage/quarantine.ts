import { DAY_MS } from "../quality/quality.ts";
import { DayLog } from "./day-log.ts";
import type { Segment } from "./segment.ts";

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

/** Duplicates that one part left out, as one line of `duplicates_YYYY-MM-DD.ndjson`. */
interface Duplicates {
  readonly stream: string;
  readonly seq: number; // last sequence of the part
  readonly series: string;
  readonly count: number;
  readonly day?: string; // of arrival, in UTC; older lines have only that of their file
}

/** Observations of a series that arrived on a day and did not go into the history. */
export interface SetAside {
  readonly refused: number;
  readonly duplicates: number;
}

/** The folder of what did not go into the history: what was refused whole, duplicates as counts. */
export class Quarantine {
  private readonly refused: DayLog<Refused>;
  private readonly duplicates: DayLog<Duplicates>;
  private readonly setAside = new Map<string, { refused: number; duplicates: number }>();
  private lines = 0;

  constructor(folder: string) {
    this.refused = new DayLog(folder, "quarantine", (_, { subject, arrived }) => {
      this.lines += 1;
      const [, kind, series = ""] = subject.split(".");
      if (kind === "observation") this.counts(arrived.slice(0, 10), series).refused += 1;
    });
    this.duplicates = new DayLog(folder, "duplicates", (fileDay, { day = fileDay, series, count }) => {
      this.counts(day, series).duplicates += count;
    });
  }

  /** Records refused so far, over all restarts. */
  get count(): number {
    return this.lines;
  }

  /** Drops what is not durable in the history: its messages come again. See `DayLog.open`. */
  async open(stream: string, lastSeq: number): Promise<void> {
    await this.refused.open(stream, lastSeq);
    await this.duplicates.open(stream, lastSeq);
  }

  /** Makes durable what a segment refused and dropped, and takes it out of the segment: trying again is safe. */
  async append(segment: Segment): Promise<void> {
    const { stream, day, lastSeq: seq } = segment;
    await this.refused.append(day, segment.refused);
    for (const [utcDay, counts] of segment.duplicates) {
      const utc = new Date(utcDay * DAY_MS).toISOString().slice(0, 10);
      const lines = [...counts].map(([series, count]) => ({ stream, seq, series, count, day: utc }));
      try {
        await this.duplicates.append(day, lines);
      } finally {
        const left = new Set(lines.map(({ series }) => series));
        for (const series of counts.keys()) if (!left.has(series)) counts.delete(series);
      }
    }
  }

  /** @param day of arrival, in UTC */
  of(series: string, day: string): SetAside {
    return this.setAside.get(`${day} ${series}`) ?? { refused: 0, duplicates: 0 };
  }

  private counts(day: string, series: string): { refused: number; duplicates: number } {
    const key = `${day} ${series}`;
    const known = this.setAside.get(key) ?? { refused: 0, duplicates: 0 };
    this.setAside.set(key, known);
    return known;
  }
}

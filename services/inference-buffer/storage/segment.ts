import { RowBuffer } from "../../../shared/history/row-buffer.ts";
import { DAY_MS } from "../quality/quality.ts";
import type { Refused } from "./quarantine.ts";

/** Rows of consecutive messages that arrived on one day, and what was refused among them. */
export interface Segment {
  readonly stream: string;
  readonly day: string;
  readonly firstSeq: number;
  lastSeq: number;
  /** When the server stored the message of `lastSeq`, in milliseconds. */
  lastArrivedMs: number;
  /** First and last sequence of each subject; undefined past `MOST_SUBJECTS`. */
  subjects: Map<string, [first: number, last: number]> | undefined;
  readonly rows: RowBuffer;
  readonly refused: Refused[];
  /** Observations that were dropped as duplicates, by UTC day of arrival, in days since 1970, and series. */
  readonly duplicates: Map<number, Map<string, number>>;
}

export interface Counters {
  scores: number;
  duplicates: number;
}

/** More publishers than this in one part are not told apart in the manifest. */
const MOST_SUBJECTS = 1_000;

/** Takes a message into the segment that it belongs to: the last one, or a new one where day or stream change. */
export function segmentFor(
  segments: Segment[],
  rules: { readonly stream: string; readonly dayOf: (timeMs: number) => string },
  subject: string,
  seq: number,
  arrivedMs: number,
): Segment {
  const segment = openSegment(segments, rules, seq, arrivedMs);
  const range = segment.subjects?.get(subject);
  if (range !== undefined) range[1] = seq;
  else segment.subjects?.set(subject, [seq, seq]);
  if (segment.subjects !== undefined && segment.subjects.size > MOST_SUBJECTS) segment.subjects = undefined;
  return segment;
}

function openSegment(
  segments: Segment[],
  { stream, dayOf }: { readonly stream: string; readonly dayOf: (timeMs: number) => string },
  seq: number,
  arrivedMs: number,
): Segment {
  const day = dayOf(arrivedMs);
  const last = segments.at(-1);
  if (last !== undefined && last.day === day && last.stream === stream) {
    last.lastSeq = seq;
    last.lastArrivedMs = arrivedMs;
    return last;
  }
  const segment: Segment = {
    stream,
    day,
    firstSeq: seq,
    lastSeq: seq,
    lastArrivedMs: arrivedMs,
    subjects: new Map(),
    rows: new RowBuffer(),
    refused: [],
    duplicates: new Map(),
  };
  segments.push(segment);
  return segment;
}

/** Counts a duplicate in the message that the segment took in last. */
export function countDuplicate(
  counters: Counters,
  { duplicates, lastArrivedMs }: Segment,
  series: string,
): void {
  counters.duplicates += 1;
  const day = Math.floor(lastArrivedMs / DAY_MS);
  const counts = duplicates.get(day) ?? new Map<string, number>();
  duplicates.set(day, counts);
  counts.set(series, (counts.get(series) ?? 0) + 1);
}

import type { Message } from "../../shared/bus/message.ts";
import { TELEMETRY_KINDS, type TelemetryKind, Token } from "../../shared/contracts/subjects.ts";
import type { Observation, Prediction, Score } from "../../shared/contracts/telemetry.ts";
import { RowBuffer } from "../../shared/history/row-buffer.ts";
import { observe, predict, type Scored, scoreSeen } from "./decide.ts";
import type { Refused } from "./quarantine.ts";
import type { Ledger } from "./state.ts";
import { type Bounds, checkRecord } from "./validate.ts";

/** Rows of consecutive messages that arrived on one day, and what was refused among them. */
export interface Segment {
  readonly stream: string;
  readonly day: string;
  readonly firstSeq: number;
  lastSeq: number;
  readonly rows: RowBuffer;
  refused: Refused[];
}

export interface IntakeRules {
  readonly stream: string;
  readonly bounds: Bounds;
  readonly nowMs: number;
  readonly dayOf: (timeMs: number) => string;
}

export interface Counters {
  scores: number;
  duplicates: number;
}

/**
 * Takes one message into the open segments: each record is checked, kept or refused by itself, and joined to
 * what the ledger knows. Pure but for the values it is given to change.
 *
 * @returns scores to publish, and whether the message as a whole could not be read
 */
export function takeIn(
  message: Message,
  segments: Segment[],
  ledger: Ledger,
  counters: Counters,
  rules: IntakeRules,
): { scored: Scored[]; unreadable: boolean } {
  const { subject, sequence: seq } = message;
  const arrivedMs = message.time.getTime();
  const segment = segmentFor(segments, rules, seq, arrivedMs);
  const refuse = (idx: number, reason: string, record: unknown) =>
    segment.refused.push({
      stream: rules.stream,
      seq,
      idx,
      subject,
      arrived: message.time.toISOString(),
      reason,
      record,
    });

  const [, kind, id, ...rest] = subject.split(".");
  let payload: unknown;
  try {
    payload = message.json();
  } catch {
    refuse(-1, "payload: expected JSON", Buffer.from(message.data).toString("base64"));
    return { scored: [], unreadable: true };
  }
  if (!isKind(kind) || !Token.safeParse(id).success || rest.length > 0) {
    refuse(-1, `subject: expected telemetry.<${TELEMETRY_KINDS.join("|")}>.<id>`, payload);
    return { scored: [], unreadable: false };
  }
  const scored: Scored[] = [];
  const records: unknown[] = Array.isArray(payload) ? payload : [payload];
  for (let idx = 0; idx < records.length; idx++) {
    const checked = checkRecord(kind, id!, records[idx], rules.bounds, rules.nowMs);
    if ("reason" in checked) {
      refuse(idx, checked.reason, records[idx]);
      continue;
    }
    if (kind === "observation") {
      const joined = observe(ledger, id!, checked.record as Observation);
      scored.push(...joined.scored);
      if (joined.duplicate) {
        counters.duplicates += 1;
        continue;
      }
    } else if (kind === "prediction") scored.push(...predict(ledger, id!, checked.record as Prediction));
    else if (kind === "score") {
      counters.scores += 1;
      scoreSeen(ledger, id!, checked.record as Score);
    }
    segment.rows.add(kind, id!, { seq, idx, arrivedMs }, checked.record);
  }
  return { scored, unreadable: false };
}

function segmentFor(
  segments: Segment[],
  { stream, dayOf }: IntakeRules,
  seq: number,
  arrivedMs: number,
): Segment {
  const day = dayOf(arrivedMs);
  const last = segments.at(-1);
  if (last !== undefined && last.day === day && last.stream === stream) {
    last.lastSeq = seq;
    return last;
  }
  const segment: Segment = { stream, day, firstSeq: seq, lastSeq: seq, rows: new RowBuffer(), refused: [] };
  segments.push(segment);
  return segment;
}

function isKind(kind: string | undefined): kind is TelemetryKind {
  return TELEMETRY_KINDS.includes(kind as TelemetryKind);
}

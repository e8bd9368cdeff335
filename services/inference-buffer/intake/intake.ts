import type { Message } from "../../../shared/bus/message.ts";
import { TELEMETRY_KINDS, type TelemetryKind, Token } from "../../../shared/contracts/subjects.ts";
import type { Observation, Prediction, Score } from "../../../shared/contracts/telemetry.ts";
import { observe, predict, type Scored, scoreSeen } from "../decide.ts";
import type { Ledger } from "../state.ts";
import { type Counters, countDuplicate, type Segment, segmentFor } from "../storage/segment.ts";
import { takeScanned } from "./scanned.ts";
import { type Bounds, checkRecord, type Rules } from "./validate.ts";

export interface IntakeRules {
  readonly stream: string;
  readonly bounds: Bounds;
  readonly series: Rules;
  readonly nowMs: number;
  readonly dayOf: (timeMs: number) => string;
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
): { scored: readonly Scored[]; unreadable: boolean } {
  const { subject, sequence: seq } = message;
  const arrivedMs = message.time.getTime();
  const segment = segmentFor(segments, rules, subject, seq, arrivedMs);
  const { kind, id } = partsOf(subject);
  if (kind === "observation" && !rules.series.has(id)) {
    const scored = takeScanned(message.data, id, seq, arrivedMs, segment, ledger, counters, rules);
    if (scored !== undefined) return { scored, unreadable: false };
  }
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

  let payload: unknown;
  try {
    payload = message.json();
  } catch {
    refuse(-1, "payload: expected JSON", Buffer.from(message.data).toString("base64"));
    return { scored: [], unreadable: true };
  }
  if (kind === undefined) {
    refuse(-1, `subject: expected telemetry.<${TELEMETRY_KINDS.join("|")}>.<id>`, payload);
    return { scored: [], unreadable: false };
  }
  const scored: Scored[] = [];
  const series = kind === "observation" ? rules.series.get(id) : undefined;
  const records: unknown[] = Array.isArray(payload) ? payload : [payload];
  for (let idx = 0; idx < records.length; idx++) {
    const checked = checkRecord(kind, id, records[idx], rules.bounds, rules.nowMs, series);
    if ("reason" in checked) {
      refuse(idx, checked.reason, records[idx]);
      if (checked.observation !== undefined) series?.memory.suspect(checked.observation);
      continue;
    }
    if (kind === "observation") {
      const observation = checked.record as Observation;
      const joined = observe(ledger, id, observation);
      scored.push(...joined.scored);
      const isRepeat = joined.duplicate || series?.memory.repeats(observation) === true;
      series?.memory.accept(observation);
      if (isRepeat && series?.contract.duplicates !== "keep") {
        countDuplicate(counters, segment, id);
        continue;
      }
    } else if (kind === "prediction") scored.push(...predict(ledger, id, checked.record as Prediction));
    else if (kind === "score") {
      counters.scores += 1;
      scoreSeen(ledger, id, checked.record as Score);
    }
    segment.rows.add(kind, id, { seq, idx, arrivedMs }, checked.record);
  }
  return { scored, unreadable: false };
}

interface SubjectParts {
  /** undefined: no subject of telemetry. */
  readonly kind: TelemetryKind | undefined;
  readonly id: string;
}

const MOST_SUBJECTS = 10_000;
const subjects = new Map<string, SubjectParts>();

function partsOf(subject: string): SubjectParts {
  const known = subjects.get(subject);
  if (known !== undefined) return known;
  const [, kind, id = "", ...rest] = subject.split(".");
  const isTelemetry = isKind(kind) && Token.safeParse(id).success && rest.length === 0;
  const parts = { kind: isTelemetry ? kind : undefined, id };
  if (subjects.size >= MOST_SUBJECTS) subjects.clear();
  subjects.set(subject, parts);
  return parts;
}

function isKind(kind: string | undefined): kind is TelemetryKind {
  return TELEMETRY_KINDS.includes(kind as TelemetryKind);
}

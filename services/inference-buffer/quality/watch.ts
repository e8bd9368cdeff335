import { z } from "zod";
import { publishAlert } from "../../../shared/alerts.ts";
import type { KvBucket } from "../../../shared/bus/kv.ts";
import { check } from "../../../shared/check.ts";
import type { Alert } from "../../../shared/contracts/alerts.ts";
import { activeIntervals, type Incident, overlaps } from "../../../shared/contracts/incidents.ts";
import {
  type QualityReply,
  QualityRequest,
  type QualityScore,
} from "../../../shared/contracts/inference-buffer.ts";
import type { SeriesContract } from "../../../shared/contracts/series.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { Token } from "../../../shared/contracts/subjects.ts";
import { Timestamp } from "../../../shared/contracts/telemetry.ts";
import type { History } from "../../../shared/history/history.ts";
import { deriveUuidV7 } from "../../../shared/ids.ts";
import type { ServiceContext } from "../../../shared/service.ts";
import type { Quarantine } from "../storage/quarantine.ts";
import type { Ingest } from "../stream/ingest.ts";
import { countDay } from "./counts.ts";
import { breaches, DAY_MS, expectationOf, qualityOf } from "./quality.ts";

export const QUALITY_RULE = "data-quality";
/** A day is judged so long after its end: what is on its way then has come. */
const GRACE_MS = 3_600_000;

/** Bucket `states`, key `quality.<series>`. */
export const QualityState = z.object({
  series: Token,
  day: z.iso.date().describe("the last that was judged"),
  open: Timestamp.nullable().describe("since when its alert is raised"),
});
export type QualityState = z.infer<typeof QualityState>;

export interface QualityParts {
  readonly context: Pick<ServiceContext, "bus" | "clock" | "log" | "source" | "codeVersion">;
  readonly history: History;
  readonly ingest: Pick<Ingest, "readOn" | "flush">;
  readonly quarantine: Pick<Quarantine, "of">;
  readonly contracts: () => ReadonlyMap<string, SeriesContract>;
  readonly specs: () => readonly ForecasterSpec[];
  readonly incidents: () => readonly Incident[];
}

/** Scores days of data from the history, on request and, for series with a contract, once each day is over. */
export class QualityWatch {
  private readonly parts: QualityParts;
  private readonly states: KvBucket<QualityState>;

  constructor(parts: QualityParts) {
    this.parts = parts;
    this.states = parts.context.bus.kv("states", QualityState);
  }

  /** @throws {InvalidInputError} naming the field of a request that is none */
  async answer(payload: unknown): Promise<QualityReply> {
    const { series, days } = check(QualityRequest, payload ?? {}, "inference-buffer.quality");
    await this.parts.ingest.readOn();
    await this.parts.ingest.flush();
    const today = dayOf(this.parts.context.clock.now());
    const all = new Set([...this.parts.contracts().keys(), ...this.parts.specs().map((spec) => spec.series)]);
    const scores: QualityScore[] = [];
    for (const each of series === undefined ? [...all].sort() : [series])
      for (let back = days - 1; back >= 0; back--) scores.push(await this.score(each, today - back * DAY_MS));
    return { scores };
  }

  /** Judges the day that was over last, of every series with a contract; a day is judged once. (D-ALR-1) */
  async look(): Promise<void> {
    const dayMs = dayOf(this.parts.context.clock.now() - GRACE_MS) - DAY_MS;
    for (const [series, contract] of this.parts.contracts()) await this.judge(series, contract, dayMs);
  }

  private async judge(series: string, contract: SeriesContract, dayMs: number): Promise<void> {
    const key = `quality.${series}`;
    const entry = await this.states.get(key);
    const day = new Date(dayMs).toISOString().slice(0, 10);
    if (entry !== undefined && entry.value.day >= day) return;
    await this.parts.ingest.flush();
    const score = await this.score(series, dayMs);
    const open = entry?.value.open ?? null;
    const incidents = activeIntervals(this.parts.incidents(), { series });
    // People know of a bad day already that they have declared an incident.
    const bad = overlaps(incidents, dayMs, dayMs + DAY_MS) ? [] : breaches(score, contract.quality);
    const at = new Date(dayMs + DAY_MS).toISOString();
    if (bad.length > 0 && open === null) await this.tell("raised", score, contract, bad.join("; "));
    if (bad.length === 0 && open !== null)
      await this.tell("cleared", score, contract, "data as its contract asks for");
    const state = { series, day, open: bad.length === 0 ? null : (open ?? at) };
    await this.states.update(key, state, entry?.revision ?? 0);
  }

  /** The id follows from series, day and verb: told again after a crash it is the same alert. */
  private async tell(
    verb: "raised" | "cleared",
    score: QualityScore,
    contract: SeriesContract,
    text: string,
  ): Promise<void> {
    const { context } = this.parts;
    const { series, day } = score;
    const timeMs = Date.parse(day) + DAY_MS;
    const data: Alert = {
      rule: QUALITY_RULE,
      about: series,
      severity: "medium",
      message: `data of ${series} on ${day}: ${text}`,
      caused_by: [],
      evidence: { code_version: context.codeVersion, score, limits: contract.quality },
    };
    const id = deriveUuidV7(timeMs, QUALITY_RULE, verb, series, day);
    await publishAlert(context, verb, data, { id, timeMs });
  }

  private async score(series: string, dayMs: number): Promise<QualityScore> {
    const { context, contracts, history, quarantine, specs } = this.parts;
    const now = context.clock.now();
    const untilMs = Math.max(dayMs, Math.min(dayMs + DAY_MS, now));
    const own = specs().filter((spec) => spec.series === series);
    const expectation = expectationOf(contracts().get(series), own);
    const { counts, everyMs } = await history.read((relation, connection) =>
      countDay(connection, relation, series, { dayMs, untilMs }, expectation),
    );
    const setAside = quarantine.of(series, new Date(dayMs).toISOString().slice(0, 10));
    return qualityOf({ series, dayMs, partial: untilMs < dayMs + DAY_MS, everyMs }, counts, setAside);
  }
}

function dayOf(timeMs: number): number {
  return Math.floor(timeMs / DAY_MS) * DAY_MS;
}

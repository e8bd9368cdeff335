import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Bus } from "../../../shared/bus/bus.ts";
import { check } from "../../../shared/check.ts";
import { durationMs } from "../../../shared/contracts/duration.ts";
import { activeIntervals, type Incident, type Interval } from "../../../shared/contracts/incidents.ts";
import { type WindowReply, WindowRequest } from "../../../shared/contracts/inference-buffer.ts";
import { maxGapMs, type SeriesContract } from "../../../shared/contracts/series.ts";
import { RetuneError } from "../../../shared/errors.ts";
import { quote, rows } from "../../../shared/history/duckdb.ts";
import { syncFile } from "../../../shared/history/files.ts";
import type { History } from "../../../shared/history/history.ts";
import { writeWindow } from "../../../shared/history/observations.ts";
import { writeQuery } from "../../../shared/history/parquet.ts";
import { newUuidV7 } from "../../../shared/ids.ts";
import type { Ingest } from "../stream/ingest.ts";
import { writeFleetWindow } from "./fleet.ts";
import { findGaps } from "./gaps.ts";
import { scoreSql } from "./scores.ts";

const MOST_KEPT = 64;
const DAY_MS = 86_400_000;
const FLEET_TIMEOUT_MS = 3_000;

type Made = Omit<WindowReply, "stream">;

/** What is read of `fleet-monitor.status`. */
const Sunset = z.array(
  z.looseObject({
    series: z.string(),
    silent: z.array(z.looseObject({ entity: z.string(), state: z.string() })),
  }),
);

export interface WindowParts {
  readonly history: History;
  readonly ingest: Ingest;
  readonly bus: Pick<Bus, "request"> & { readonly artifacts: Pick<Bus["artifacts"], "putFile"> };
  readonly folder: string;
  readonly incidents: () => readonly Incident[];
  readonly contracts: () => ReadonlyMap<string, SeriesContract>;
}

/** A request with everything that its answer depends on besides the telemetry. */
interface Question {
  readonly request: WindowRequest;
  readonly contract: SeriesContract | undefined;
  readonly incidents: readonly Interval[];
  readonly sunset: readonly string[] | undefined;
}

/**
 * Answers `inference-buffer.window`: a series as a Parquet artifact, with everything that is in the stream. Asked
 * again while nothing that matters has changed, or while the first answer is being made, nothing is read.
 */
export class Windows {
  private readonly parts: WindowParts;
  private readonly kept = new Map<string, { readonly newest: number; readonly made: Promise<Made> }>();

  constructor(parts: WindowParts) {
    this.parts = parts;
  }

  /** @throws {InvalidInputError} naming the field of a request that is none */
  async answer(payload: unknown): Promise<WindowReply> {
    const request = check(WindowRequest, payload ?? {}, "inference-buffer.window");
    const { ingest } = this.parts;
    await ingest.readOn();
    const question = await this.question(request);
    const stream = { last_sequence: ingest.lastSequence };
    const newest =
      request.kind === "score"
        ? ingest.newestOf(request.forecaster!, "score")
        : ingest.newestOf(request.series);
    const key = createHash("sha256").update(keyOf(question)).digest("hex");
    const kept = this.kept.get(key);
    // Upkeep may have deleted old days since, but an answer given once is as good as it was.
    if (kept?.newest === newest) return { ...(await kept.made), stream };
    const made = this.make(question);
    this.kept.set(key, { newest, made });
    made.catch(() => {
      if (this.kept.get(key)?.made === made) this.kept.delete(key);
    });
    if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value!);
    return { ...(await made), stream };
  }

  private async question(request: WindowRequest): Promise<Question> {
    const {
      series,
      forecaster,
      entities,
      incidents: wish = entities === "all" ? "leave-out" : "keep",
    } = request;
    return {
      request,
      contract: this.parts.contracts().get(series),
      incidents: wish === "keep" ? [] : activeIntervals(this.parts.incidents(), { series, forecaster }),
      sunset: entities === "all" && request.kind !== "score" ? await this.sunset(series) : undefined,
    };
  }

  private async make(question: Question): Promise<Made> {
    const { request, contract, incidents } = question;
    const { folder, history, ingest, bus } = this.parts;
    await ingest.flush();
    await mkdir(folder, { recursive: true });
    const path = join(folder, `window-${newUuidV7()}.parquet`);
    try {
      const range = await this.range(request);
      if (request.kind === "score") return await this.makeScores(question, range, path);
      const { series, metric, entity, entities } = request;
      const query = { series, metric, ...range, without: incidents };
      const {
        rows: count,
        fromMs,
        toMs,
        ...named
      } = entities === "all"
        ? await writeFleetWindow(history, { ...query, ...limitsOf(request), sunset: question.sunset }, path)
        : await writeWindow(history, { ...query, entity }, path);
      const found = await findGaps(path, {
        byEntity: entities === "all",
        maxGapMs: (stepMs) => maxGapMs(contract, stepMs),
        incidents,
        fromMs: range.fromMs ?? fromMs ?? undefined,
        toMs: range.toMs,
      });
      const artifact = await bus.artifacts.putFile(path);
      return { artifact, rows: count, from: iso(fromMs), to: iso(toMs), ...named, ...found };
    } finally {
      await rm(path, { force: true });
    }
  }

  private async makeScores({ request, incidents }: Question, range: Range, path: string): Promise<Made> {
    const { forecaster = "", entity } = request;
    return this.parts.history.read(async (relation, connection) => {
      await writeQuery(
        connection,
        scoreSql(relation, { forecaster, entity, ...range, without: incidents }),
        path,
      );
      await syncFile(path);
      const [summary] = await rows(
        connection,
        `SELECT count(*)::DOUBLE AS n, epoch_ms(min(target_ts))::DOUBLE AS a, epoch_ms(max(target_ts))::DOUBLE AS z FROM read_parquet(${quote(path)})`,
      );
      const artifact = await this.parts.bus.artifacts.putFile(path);
      const { n, a, z: last } = summary as { n: number; a: number | null; z: number | null };
      return { artifact, rows: n, from: iso(a), to: iso(last) };
    });
  }

  /** Ends of the window as times; `days` counts back from `to`, else from the newest of what is asked for. */
  private async range(request: WindowRequest): Promise<Range> {
    const { series, metric, entity, entities, forecaster, kind, days, from, to } = request;
    const toMs = to === undefined ? undefined : Date.parse(to);
    const fixed = {
      ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
      ...(toMs === undefined ? {} : { toMs }),
    };
    if (days === undefined) return fixed;
    if (toMs !== undefined) return { fromMs: toMs - days * DAY_MS, toMs };
    const member =
      entities === "all"
        ? ""
        : ` AND entity IS NOT DISTINCT FROM ${entity === null ? "NULL" : quote(entity)}`;
    const sql = (relation: string) =>
      kind === "score"
        ? `SELECT epoch_ms(max(target_ts))::DOUBLE AS t FROM ${relation} WHERE kind = 'score' AND id = ${quote(forecaster!)}`
        : `SELECT epoch_ms(max(ts))::DOUBLE AS t FROM ${relation} WHERE kind = 'observation' AND id = ${quote(series)} AND metric = ${quote(metric)}${member}`;
    const [newest] = await this.parts.history.read((relation, connection) => rows(connection, sql(relation)));
    return typeof newest?.t === "number" ? { fromMs: newest.t - days * DAY_MS } : {};
  }

  /** Undefined where the fleet monitor does not answer, or does not know the series. */
  private async sunset(series: string): Promise<string[] | undefined> {
    try {
      const options = { timeoutMs: FLEET_TIMEOUT_MS };
      const status = await this.parts.bus.request("fleet-monitor.status", { series }, Sunset, options);
      const own = status.find((each) => each.series === series);
      return own?.silent
        .filter(({ state }) => state === "sunset")
        .map(({ entity }) => entity)
        .sort();
    } catch (error) {
      if (error instanceof RetuneError) return undefined;
      throw error;
    }
  }
}

interface Range {
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** A forecaster that asks for observations matters by its incidents alone: others share its window. */
function keyOf({ request, ...rest }: Question): string {
  const forecaster = request.kind === "score" ? request.forecaster : undefined;
  return JSON.stringify({ request: { ...request, forecaster }, ...rest });
}

/** Of C-DAT-1. */
function limitsOf({ min_history = "7d", min_samples: minSamples = 1_000 }: WindowRequest) {
  return { minHistoryMs: durationMs(min_history), minSamples };
}

function iso(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

import type { ZodType } from "zod";
import type { Bus } from "../../../shared/bus/bus.ts";
import type { Message } from "../../../shared/bus/message.ts";
import { CloudEvent } from "../../../shared/contracts/envelope.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { parseStepSubject, subjects, type TelemetryKind } from "../../../shared/contracts/subjects.ts";
import { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import type { HistoryView } from "../../../shared/history/view.ts";
import { parseRequests } from "../arbiter/requests.ts";
import type { ManualRequest } from "../arbiter/wish.ts";
import type { Batch } from "../monitor/monitor.ts";
import { latestOf, telemetryBatch } from "../payload.ts";
import type { RecordedEvent, Recording, SpecRevision } from "./recording.ts";

/** Reads what happened: decisions and specs from the bus, telemetry from the stream and, before it begins, the history. */
export class Recorder {
  private readonly bus: Bus;
  private readonly history: HistoryView | undefined;
  private readonly events: ReadonlyMap<string, readonly RecordedEvent[]>;
  private readonly requests: readonly ManualRequest[];

  private constructor(
    bus: Bus,
    history: HistoryView | undefined,
    events: ReadonlyMap<string, readonly RecordedEvent[]>,
    requests: readonly ManualRequest[],
  ) {
    this.bus = bus;
    this.history = history;
    this.events = events;
    this.requests = requests;
  }

  static async open(bus: Bus, history?: HistoryView): Promise<Recorder> {
    const events = new Map<string, RecordedEvent[]>();
    const requests: ManualRequest[] = [];
    for await (const message of bus.read("DECISIONS", { filter: "retrain.>" })) {
      if (message.subject === subjects.request) requests.push(...asked(message));
      const recorded = recordedEvent(message);
      if (recorded === undefined) continue;
      const known = events.get(recorded.forecaster);
      if (known === undefined) events.set(recorded.forecaster, [recorded.event]);
      else known.push(recorded.event);
    }
    return new Recorder(bus, history, events, requests);
  }

  /** Every forecaster that has a spec, in order of their ids. */
  async forecasters(): Promise<string[]> {
    return (await this.bus.kv("specs", ForecasterSpec).keys()).sort();
  }

  /** What is known of one forecaster; undefined where no revision of its spec is kept. */
  async read(forecaster: string): Promise<Recording | undefined> {
    const specs = (await this.bus.kv("specs", ForecasterSpec).history(forecaster)).flatMap(
      ({ value, revision }): SpecRevision[] => (value === null ? [] : [{ spec: value, revision }]),
    );
    const newest = specs.at(-1)?.spec;
    if (newest === undefined) return undefined;
    const [observations, scores] = await Promise.all([
      this.telemetry("observation", newest.series, Observation),
      this.telemetry("score", forecaster, Score),
    ]);
    const requests = this.requests.filter(
      ({ request }) => request.forecaster === undefined || request.forecaster === forecaster,
    );
    const events = this.events.get(forecaster) ?? [];
    return { forecaster, specs, observations, scores, events, requests };
  }

  private async telemetry<T>(kind: TelemetryKind, id: string, schema: ZodType<T>): Promise<Batch<T>[]> {
    const { firstSequence, created } = await this.bus.streamState("TELEMETRY");
    const batches = firstSequence > 1 ? await this.older(kind, id, schema, created, firstSequence) : [];
    for await (const message of this.bus.read("TELEMETRY", { filter: subjects.telemetry(kind, id) })) {
      const batch = telemetryBatch(message, schema, message.time.getTime());
      if (batch !== undefined) batches.push(batch);
    }
    return batches;
  }

  /** What the stream has let go, from the buffer's Parquet: messages before `firstSequence`, joined again. */
  private async older<T>(
    kind: TelemetryKind,
    id: string,
    schema: ZodType<T>,
    created: string,
    firstSequence: number,
  ): Promise<Batch<T>[]> {
    const batches: { sequence: number; latestMs: number; records: T[] }[] = [];
    if (this.history === undefined) return batches;
    for await (const chunk of this.history.records({ kinds: [kind], ids: [id] })) {
      for (const { stream, seq, arrivedMs, record } of chunk) {
        if (stream !== created || seq >= firstSequence) continue;
        const parsed = schema.safeParse(record);
        if (!parsed.success) continue;
        const last = batches.at(-1);
        if (last?.sequence === seq) last.records.push(parsed.data);
        else batches.push({ sequence: seq, latestMs: latestOf(arrivedMs), records: [parsed.data] });
      }
    }
    return batches;
  }
}

/** A step of a run or an evaluation; undefined for requests and for what is no event. */
function recordedEvent(message: Message): { forecaster: string; event: RecordedEvent } | undefined {
  const forecaster =
    parseStepSubject(message.subject)?.forecaster ??
    /^retrain\.evaluated\.([^.]+)$/.exec(message.subject)?.[1];
  if (forecaster === undefined) return undefined;
  const parsed = CloudEvent.safeParse(safeJson(message));
  if (!parsed.success) return undefined;
  const { sequence, subject, time } = message;
  return { forecaster, event: { sequence, subject, storedMs: time.getTime(), event: parsed.data } };
}

/** Requests as the arbiter reads them; what it refused to read is none. */
function asked(message: Message): ManualRequest[] {
  try {
    const { sequence, time } = message;
    return parseRequests(message.data, message.subject).map((request) => ({
      sequence,
      storedMs: time.getTime(),
      request,
    }));
  } catch {
    return [];
  }
}

function safeJson(message: Message): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}

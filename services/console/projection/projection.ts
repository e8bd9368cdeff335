import { isDeepStrictEqual } from "node:util";
import { CloudEvent } from "../../../shared/contracts/envelope.ts";
import { INCIDENT_RULE } from "../../../shared/contracts/incidents.ts";
import type { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { Progress, Searched } from "../../../shared/contracts/optimizer.ts";
import type { RunSummary } from "../../../shared/contracts/run.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { subjects } from "../../../shared/contracts/subjects.ts";
import { type ArbiterStatus, Evaluated } from "../../../shared/contracts/trigger.ts";
import { stepOf } from "../decisions.ts";
import { readJson } from "../read-json.ts";
import { describeEvent, detectorText } from "../words/describe.ts";
import { joined, readable, shortRun } from "../words/format.ts";
import { ForecasterProjection } from "./forecaster.ts";
import { type DemoStatus, headline } from "./headline.ts";
import { IncidentBook } from "./incidents.ts";
import { tellRecord } from "./records.ts";
import { RunList, runView } from "./runs.ts";
import { shownRuns } from "./shown-runs.ts";
import type { ForecasterView, LogView, Patch, RunView, Snapshot, TopView } from "./view.ts";

const LOG_KEPT = 150;

export interface StreamMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly time: Date;
  json(): unknown;
}

/**
 * What the console knows, folded from the streams; no clock, no I/O. Bounded by the number of forecasters:
 * windows of recent telemetry, 500 runs, 150 lines of log. Folding a message twice changes nothing.
 *
 * Every change raises `version`; `patchSince(version)` gives a reader what it has not seen, so a slow
 * reader skips states and never queues them.
 */
export class Projection {
  version = 1;
  readonly runs = new RunList();
  readonly counters = { deadLetters: 0, evaluations: 0, invalid: 0, alerts: 0 };
  private readonly forecasters = new Map<string, ForecasterProjection>();
  private readonly bySeries = new Map<string, ForecasterProjection[]>();
  private readonly incidents = new IncidentBook();
  private readonly touched = new Map<string, number>(); // forecaster or run id -> version
  private readonly views = new Map<string, { version: number; view: ForecasterView }>();
  private log: { readonly version: number; readonly line: LogView }[] = [];
  private demo: DemoStatus | null = null;
  private newestEventMs: number | undefined;
  private ready = false;
  private decisionsSeen = 0;
  private readonly listeners = new Set<() => void>();

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  setReady(ready: boolean): void {
    if (this.ready === ready) return;
    this.ready = ready;
    this.touch();
  }

  spec(id: string, spec: ForecasterSpec | undefined): void {
    if (spec === undefined) {
      const known = this.forecasters.get(id);
      if (known !== undefined) known.spec = undefined;
    } else {
      const known = this.forecaster(id);
      known.respecify(spec);
      known.incidents = this.incidents.about(spec.series, id);
    }
    this.bySeries.clear();
    for (const each of this.forecasters.values()) {
      if (each.spec === undefined) continue;
      this.bySeries.set(each.spec.series, [...(this.bySeries.get(each.spec.series) ?? []), each]);
    }
    this.touch(id);
  }

  live(id: string, config: LiveConfig | null, revision: number): void {
    this.forecaster(id).live = config === null ? undefined : { config, revision };
    this.touch(id);
  }

  /** What the trigger says of every forecaster; undefined when it does not answer. */
  timing(statuses: readonly ArbiterStatus[] | undefined): void {
    for (const known of this.forecasters.values()) {
      const timing = statuses?.find(({ forecaster }) => forecaster === known.id);
      if (isDeepStrictEqual(known.timing, timing)) continue;
      known.timing = timing;
      this.touch(known.id);
    }
  }

  progress(value: unknown): void {
    const progress = Progress.safeParse(value);
    if (!progress.success) return;
    const { forecaster } = progress.data;
    if (this.forecasters.get(forecaster)?.searching(progress.data)) this.touch(forecaster);
  }

  demoStatus(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    const { virtual_time, sentence, next_command, progress } = value as Record<string, unknown>;
    this.demo = {
      virtual_time: typeof virtual_time === "string" ? virtual_time : null,
      sentence: typeof sentence === "string" && sentence !== "" ? sentence : null,
      next_command: typeof next_command === "string" && next_command !== "" ? next_command : null,
      progress: typeof progress === "number" ? Math.max(0, Math.min(1, progress)) : null,
    };
    this.touch();
  }

  /** One message of DECISIONS. What breaks the envelope is shown as such; it moves no run and no clock. */
  decision(message: StreamMessage): void {
    if (message.sequence <= this.decisionsSeen) return;
    this.decisionsSeen = message.sequence;
    const payload = readJson(message);
    // A request is free text: a `time` in it is nobody's decision.
    const isRequest = message.subject === subjects.request;
    const event = isRequest ? undefined : CloudEvent.safeParse(payload).data;
    const described = describeEvent(message.subject, isRequest ? payload : event);
    const time = event?.time ?? message.time.toISOString();
    if (described.kind === "alert") {
      this.counters.alerts += 1;
      if (message.subject.startsWith("alert.raised.dead-letter.")) this.counters.deadLetters += 1;
      if (message.subject.split(".")[2] === INCIDENT_RULE) this.incident(message);
    }
    const evaluated =
      described.kind === "evaluated" ? this.evaluated(message.sequence, time, event?.data) : undefined;
    const step = stepOf({ subject: message.subject, sequence: message.sequence, json: () => payload });
    if (step !== undefined) {
      const run = this.runs.fold(step, step.run);
      if (run !== undefined) this.ran(run);
    }
    // Once the demo is over, what happens next is news.
    if (this.demo?.progress === 1 && step !== undefined)
      this.demo = { ...this.demo, sentence: null, next_command: null };
    // Evaluations are many: only one that fires after a calm one is worth a line.
    if (evaluated !== "nothing new") this.say({ sequence: message.sequence, time, ...described });
    if (event !== undefined)
      this.newestEventMs = Math.max(this.newestEventMs ?? -Infinity, Date.parse(event.time));
    this.touch();
  }

  /** One message of TELEMETRY: a record or an array of them. Records that break their contract are counted. */
  telemetry(message: StreamMessage): void {
    const [, kind, id, ...rest] = message.subject.split(".");
    if (id === undefined || rest.length > 0) return;
    const audience = kind === "observation" ? this.bySeries.get(id) : this.named(id);
    if (audience === undefined) return;
    const payload = readJson(message);
    let seen = false;
    for (const record of Array.isArray(payload) ? payload : [payload]) {
      const told = tellRecord(kind, record, audience, message.time.getTime());
      if (told === "invalid") this.counters.invalid += 1;
      if (told === "taken") seen = true;
    }
    if (seen) for (const each of audience) this.touch(each.id);
  }

  snapshot(): Snapshot {
    return {
      top: this.top(),
      forecasters: this.forecasterViews(),
      runs: this.runsSince(0),
      log: this.log.map(({ line }) => line),
    };
  }

  patchSince(version: number): Patch {
    const changed = this.shown().filter((each) => (this.touched.get(each.id) ?? 0) > version);
    const runs = this.runsSince(version);
    const log = this.log.filter((each) => each.version > version).map(({ line }) => line);
    return {
      top: this.top(),
      ...(changed.length === 0 ? {} : { forecasters: changed.map((each) => this.view(each)) }),
      ...(runs.length === 0 ? {} : { runs }),
      ...(log.length === 0 ? {} : { log }),
    };
  }

  forecasterViews(): readonly ForecasterView[] {
    return this.shown().map((each) => this.view(each));
  }

  forecasterView(id: string): ForecasterView | undefined {
    const known = this.forecasters.get(id);
    return known?.spec === undefined ? undefined : this.view(known);
  }

  private incident(message: StreamMessage): void {
    const target = this.incidents.fold(message);
    for (const each of this.shown()) {
      const { series } = each.spec!;
      if (target !== series && target !== each.id) continue;
      each.incidents = this.incidents.about(series, each.id);
      this.touch(each.id);
    }
  }

  private evaluated(sequence: number, time: string, data: unknown): "news" | "nothing new" {
    this.counters.evaluations += 1;
    const parsed = Evaluated.safeParse(data);
    if (!parsed.success) return "news";
    const { forecaster: id, should_optimize, detectors, reasons } = parsed.data;
    const forecaster = this.forecaster(id);
    const before = forecaster.evaluation?.should_optimize ?? false;
    const text = detectors.map(detectorText).join(", ");
    forecaster.evaluation = { sequence, time, should_optimize, text, reasons: readable(joined(reasons)) };
    this.touch(id);
    return should_optimize && !before ? "news" : "nothing new";
  }

  private ran(run: RunSummary): void {
    const forecaster = this.forecaster(run.forecaster);
    forecaster.ran(run);
    const last = run.steps.at(-1)!;
    if (last.step === "searched") {
      const searched = Searched.safeParse(last.data);
      if (searched.success) forecaster.searched(searched.data);
    }
    this.touch(run.run_id);
    this.touch(run.forecaster);
    if (this.touched.size > 4 * this.runs.size + this.forecasters.size) this.forgetOldRuns();
  }

  private forgetOldRuns(): void {
    for (const id of this.touched.keys()) {
      if (this.runs.get(id) === undefined && !this.forecasters.has(id)) this.touched.delete(id);
    }
  }

  private say(line: LogView): void {
    const { sequence, time, kind, forecaster, run_id, tone, text } = line;
    this.log.push({
      version: this.version + 1,
      line: { sequence, time, kind, forecaster, run_id, tone, text },
    });
    if (this.log.length > LOG_KEPT) this.log = this.log.slice(-LOG_KEPT);
  }

  private top(): TopView {
    const latest = this.log.findLast(({ line }) => isNews(line))?.line;
    const held = [...this.runs.all()].findLast((run) => run.state === "held");
    const { demo } = this;
    const steps = this.runs.steps;
    return {
      ...headline({
        demo,
        forecasters: this.forecasterViews(),
        hasObservations: this.shown().some((each) => each.chart.hasTruth),
        held: held === undefined ? null : { short: shortRun(held.run_id), forecaster: held.forecaster },
        latest:
          latest === undefined
            ? null
            : { ...latest, short: latest.run_id === null ? null : shortRun(latest.run_id) },
      }),
      demo: demo === null ? null : { virtual_time: demo.virtual_time, progress: demo.progress },
      time: this.newestTime(),
      ready: this.ready,
      counts: {
        runs: steps.get("accepted") ?? 0,
        deployments: steps.get("deployed") ?? 0,
        rollbacks: steps.get("rolled-back") ?? 0,
        rejected: steps.get("rejected") ?? 0,
        dead_letters: this.counters.deadLetters,
        evaluations: this.counters.evaluations,
      },
    };
  }

  private newestTime(): string | null {
    const times = this.shown().flatMap((each) => each.chart.newestMs ?? []);
    if (this.newestEventMs !== undefined) times.push(this.newestEventMs);
    return times.length === 0 ? null : new Date(Math.max(...times)).toISOString();
  }

  /** A forecaster that has a spec, as the one audience of its own telemetry. */
  private named(id: string): [ForecasterProjection] | undefined {
    const known = this.forecasters.get(id);
    return known?.spec === undefined ? undefined : [known];
  }

  private shown(): ForecasterProjection[] {
    return [...this.forecasters.values()].filter((each) => each.spec !== undefined).toSorted(byHorizon);
  }

  private view(forecaster: ForecasterProjection): ForecasterView {
    const version = this.touched.get(forecaster.id) ?? 0;
    const cached = this.views.get(forecaster.id);
    if (cached?.version === version) return cached.view;
    const view = forecaster.view();
    this.views.set(forecaster.id, { version, view });
    return view;
  }

  private runsSince(version: number): RunView[] {
    const views = shownRuns([...this.runs.all()].reverse());
    return views.filter((run) => version === 0 || (this.touched.get(run.run_id) ?? 0) > version).map(runView);
  }

  private forecaster(id: string): ForecasterProjection {
    const known = this.forecasters.get(id) ?? new ForecasterProjection(id);
    this.forecasters.set(id, known);
    return known;
  }

  private touch(id?: string): void {
    this.version += 1;
    if (id !== undefined) this.touched.set(id, this.version);
    for (const listener of this.listeners) listener();
  }
}

/** What belongs in the headline: steps and grave lone alerts. An alert about a run echoes one of its steps. */
function isNews({ kind, run_id, tone }: LogView): boolean {
  if (kind === "alert") return run_id === null && tone === "bad";
  return !["request", "test", "refused", "evaluated"].includes(kind);
}

/** By series, then by horizon, so that cards stand in an order that means something. */
function byHorizon(a: ForecasterProjection, b: ForecasterProjection): number {
  return a.order[0].localeCompare(b.order[0]) || a.order[1] - b.order[1] || a.id.localeCompare(b.id);
}

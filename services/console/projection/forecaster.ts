import { durationMs } from "../../../shared/contracts/duration.ts";
import type { Incident } from "../../../shared/contracts/incidents.ts";
import type { LiveConfig } from "../../../shared/contracts/live-config.ts";
import type { Progress, Searched } from "../../../shared/contracts/optimizer.ts";
import type { RunSummary } from "../../../shared/contracts/run.ts";
import { type ForecasterSpec, horizonSteps, isAbout } from "../../../shared/contracts/spec.ts";
import type { Health, Observation, Prediction, Score } from "../../../shared/contracts/telemetry.ts";
import type { ArbiterStatus } from "../../../shared/contracts/trigger.ts";
import { versusBaselines } from "../words/baseline.ts";
import { fleetText } from "../words/fleet-forecaster.ts";
import { printable } from "../words/format.ts";
import type { Tone } from "../words/steps.ts";
import { Accuracy } from "./accuracy.ts";
import { Chart } from "./chart.ts";
import { EntityErrors } from "./entity-errors.ts";
import { notesOf } from "./notes.ts";
import type {
  BacktestView,
  EvaluationView,
  FleetView,
  ForecasterView,
  HealthView,
  LiveView,
  NoteView,
  ProgressView,
} from "./view.ts";

const INSTANCES = 32;
/** An instance that has said nothing for so long, and for three of its own heartbeats, has ended. */
const SILENCE_MS = 60_000;
const WORST_ENTITIES = 3;

interface Heartbeat {
  readonly health: Health;
  readonly atMs: number;
  /** since the one before; 0 for the first */
  readonly gapMs: number;
}

/**
 * Everything the console knows about one forecaster. Bounded; each part is replaced by its newest word. It
 * may be known from the decisions before its spec is: until then it is not shown.
 */
export class ForecasterProjection {
  readonly id: string;
  spec: ForecasterSpec | undefined;
  chart = new Chart(1);
  accuracy = new Accuracy({ isFleet: false });
  live: { readonly config: LiveConfig; readonly revision: number } | undefined;
  backtest: BacktestView | null = null;
  evaluation: EvaluationView | null = null;
  activeRun: RunSummary | undefined;
  incidents: readonly Incident[] = [];
  timing: ArbiterStatus | undefined;
  private progress: ProgressView | null = null;
  private readonly health = new Map<string, Heartbeat>();
  private entityErrors = new EntityErrors();
  /** The entity that the chart shows. */
  private charted: string | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** Series and length of the horizon, to sort by. */
  get order(): readonly [series: string, horizonMs: number] {
    return this.spec === undefined ? ["", 0] : [this.spec.series, durationMs(this.spec.horizon)];
  }

  /** A changed spec keeps what was seen, unless it now means another series or horizon. */
  respecify(spec: ForecasterSpec): void {
    const meaning = ({ series, metric, entity, entities, horizon, step, calendar }: ForecasterSpec) =>
      JSON.stringify([series, metric, entity, entities, horizon, step, calendar]);
    if (this.spec === undefined || meaning(spec) !== meaning(this.spec)) {
      this.chart = new Chart(horizonSteps(spec));
      this.accuracy = new Accuracy({ isFleet: spec.entities === "all" });
      this.entityErrors = new EntityErrors();
      this.charted = spec.entity;
    }
    this.spec = spec;
  }

  /** Whether the observation was one of this forecaster's. */
  observe(observation: Observation): boolean {
    if (this.spec === undefined || !this.isOurs(observation.entity)) return false;
    const value = observation.values[this.spec.metric];
    if (value === undefined) return false;
    if (this.spec.entities === "all") this.charted ??= observation.entity;
    if (observation.entity === this.charted) this.chart.observe(observation.ts, value);
    return true;
  }

  /** Whether the prediction was one of this forecaster's. */
  predicted(prediction: Prediction): boolean {
    if (!this.isOurs(prediction.entity)) return false;
    if (prediction.entity === this.charted) this.chart.predict(prediction);
    return true;
  }

  /** Whether the score was one of this forecaster's. */
  scored(score: Score): boolean {
    if (!this.isOurs(score.entity)) return false;
    this.accuracy.add(score);
    this.entityErrors.add(score);
    return true;
  }

  heartbeat(health: Health, atMs: number): void {
    const before = this.health.get(health.instance);
    this.health.delete(health.instance); // the newest goes last
    this.health.set(health.instance, { health, atMs, gapMs: before === undefined ? 0 : atMs - before.atMs });
    for (const [instance, last] of this.health)
      if (atMs - last.atMs > Math.max(SILENCE_MS, 3 * last.gapMs)) this.health.delete(instance);
    if (this.health.size > INSTANCES) this.health.delete(this.health.keys().next().value!);
  }

  searched(searched: Searched): void {
    if (searched.metrics === null) return; // another use of the same forecasts
    const { rmse } = searched.metrics;
    const lastValue = searched.baselines["last-value"]?.rmse ?? null;
    const seasonal = searched.baselines["seasonal-naive"]?.rmse ?? null;
    const seasonalNaive = seasonal === lastValue ? null : seasonal; // without a season they are the same forecast
    const versus = versusBaselines([
      { baseline: "last value", rmse, baselineRmse: lastValue },
      { baseline: "seasonal naive", rmse, baselineRmse: seasonalNaive },
    ]);
    this.backtest = {
      rmse,
      last_value_rmse: lastValue,
      seasonal_naive_rmse: seasonalNaive,
      beats_baselines: versus?.beats ?? null,
      verdict: versus?.words ?? null,
      run_id: searched.run_id,
    };
  }

  /** Progress of a run; word of a run that is over changes nothing. */
  searching({ run_id, phase, done, total, best_rmse }: Progress): boolean {
    if (this.activeRun !== undefined && this.activeRun.run_id !== run_id) return false;
    this.progress = { run_id, phase, done: Math.min(done, total), total, best_rmse };
    return true;
  }

  ran(run: RunSummary): void {
    if (run.state === "refused") return;
    const since = this.timing?.pending?.since;
    // What waited has begun: the trigger's next word says what waits now.
    if (since !== undefined && Date.parse(run.started_at) >= Date.parse(since))
      this.timing = { ...this.timing!, pending: null };
    if (!run.terminal) this.activeRun = run;
    else if (this.activeRun?.run_id === run.run_id) this.activeRun = undefined;
    if (this.progress?.run_id === run.run_id && run.state !== "accepted") this.progress = null;
  }

  view(): ForecasterView {
    const { spec, activeRun } = this;
    if (spec === undefined) throw new Error(`forecaster '${this.id}' has no spec to show`);
    const fleet = this.fleetView();
    const { newestMs = Number.NEGATIVE_INFINITY } = this.chart;
    return {
      id: spec.forecaster,
      description: spec.description === undefined ? null : printable(spec.description),
      series: spec.series,
      unit: spec.unit === undefined ? null : printable(spec.unit),
      horizon: spec.horizon,
      ...this.stateWords(),
      live: this.live === undefined ? null : liveView(this.live.config, this.live.revision),
      health: this.healthView(),
      accuracy: this.accuracy.view(),
      backtest: this.backtest,
      evaluation: this.evaluation,
      active_run: activeRun?.run_id ?? null,
      progress:
        activeRun?.state === "accepted" && this.progress?.run_id === activeRun.run_id ? this.progress : null,
      notes: [...this.fleetNotes(fleet), ...notesOf(this.incidents, this.timing, newestMs)],
      fleet,
      chart: this.chart.view(),
    };
  }

  private isOurs(entity: string | undefined): boolean {
    return isAbout(this.spec ?? {}, entity);
  }

  private fleetView(): FleetView | null {
    if (this.spec?.entities === undefined) return null;
    const { entities = 0, known = 0 } = [...this.health.values()].at(-1)?.health.fleet ?? {};
    return { entities, known, worst: this.entityErrors.worst(WORST_ENTITIES) };
  }

  private fleetNotes(fleet: FleetView | null): NoteView[] {
    if (fleet === null) return [];
    const title = this.charted === undefined ? null : `the chart shows ${printable(this.charted)}`;
    return [{ kind: "fleet", text: fleetText(fleet), title }];
  }

  private stateWords(): { state: string; tone: Tone } {
    if (this.spec?.enabled === false) return { state: "disabled", tone: "neutral" };
    switch (this.activeRun?.state) {
      case "accepted":
        return { state: "searching", tone: "progress" };
      case "searched":
        return { state: "being validated", tone: "progress" };
      case "held":
        return { state: "waiting for approval", tone: "attention" };
      case "approved":
      case "trialled":
        return { state: "deploying", tone: "progress" };
      case "deployed":
        return { state: "live, on watch", tone: "good" };
    }
    if (this.live === undefined) {
      return this.chart.hasTruth
        ? { state: "not live yet", tone: "neutral" }
        : { state: "waiting for data", tone: "neutral" };
    }
    return this.healthView()?.status === "degraded"
      ? { state: "degraded", tone: "bad" }
      : { state: "live", tone: "good" };
  }

  private healthView(): HealthView | null {
    const newest = [...this.health.values()].at(-1)?.health;
    if (newest === undefined) return null;
    return {
      status: newest.status,
      instances: this.health.size,
      model_version: newest.model_version === null ? null : printable(newest.model_version),
      latency_ms_p50: newest.latency_ms_p50,
      rss_mb: newest.rss_mb,
      failures: newest.failures,
      error: newest.error === undefined ? null : printable(newest.error),
    };
  }
}

function liveView(config: LiveConfig, revision: number): LiveView {
  const { version, model, context_length, num_samples, temperature, run_id, timestamp } = config;
  return { version, model, context_length, num_samples, temperature, run_id, timestamp, revision };
}

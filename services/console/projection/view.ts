/** What the web page and `GET /status` show. Types only: the browser imports this file too. */
import type { Step } from "../../../shared/contracts/subjects.ts";
import type { Tone } from "../words/steps.ts";

/** A line of a chart: times in seconds since the epoch, ascending, and a value for each. */
export interface Line {
  readonly t: readonly number[];
  readonly v: readonly number[];
}

export interface ForecastBand {
  readonly issued_at: string;
  readonly t: readonly number[];
  readonly mean: readonly number[];
  readonly lower: readonly number[];
  readonly upper: readonly number[];
}

export interface ChartView {
  readonly truth: Line;
  readonly one_step: Line;
  readonly final_step: Line;
  readonly forecast: ForecastBand | null;
}

export interface LiveView {
  readonly version: number;
  readonly model: string;
  readonly context_length: number;
  readonly num_samples: number;
  readonly temperature: number;
  readonly run_id: string;
  readonly timestamp: string;
  readonly revision: number;
}

export interface HealthView {
  readonly status: string;
  readonly instances: number;
  readonly model_version: string | null;
  readonly latency_ms_p50: number | null;
  readonly rss_mb: number;
  readonly failures: number;
  readonly error: string | null;
}

/** Live accuracy over the newest targets, all steps together, champion only. */
export interface AccuracyView {
  readonly targets: number;
  readonly n: number;
  readonly rmse: number;
  readonly coverage: number;
  /** Of the last-value forecast on the same pairs; null while no score carries it. */
  readonly last_value_rmse: number | null;
  /** Of the seasonal naive forecast, likewise. */
  readonly seasonal_naive_rmse: number | null;
  /** Whether it beats each of them; null where there is none. */
  readonly beats_baselines: boolean | null;
  readonly verdict: string | null;
}

/** Backtest figures of the last search. */
export interface BacktestView {
  readonly rmse: number;
  readonly last_value_rmse: number | null;
  readonly seasonal_naive_rmse: number | null;
  readonly beats_baselines: boolean | null;
  readonly verdict: string | null;
  readonly run_id: string;
}

export interface EvaluationView {
  readonly sequence: number;
  readonly time: string;
  readonly should_optimize: boolean;
  readonly text: string; // "performance fired, drift calm"
  readonly reasons: string;
}

export interface ProgressView {
  readonly run_id: string;
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly best_rmse: number | null;
}

/** How an entity of a fleet is forecast, over its last hundred scores or so. */
export interface EntityErrorView {
  readonly entity: string;
  readonly mae: number;
  /** MAE over that of the last-value forecast on the same scores; null while no score carries it. */
  readonly versus_last_value: number | null;
}

/** What a forecaster of all entities has to do with. */
export interface FleetView {
  /** That were observed and are not retired. */
  readonly entities: number;
  /** Of these, in the vocabulary of the model that is served. */
  readonly known: number;
  /** Worst first. */
  readonly worst: readonly EntityErrorView[];
}

/** A line under the figures of a card. */
export interface NoteView {
  readonly kind: "fleet" | "incident" | "waiting" | "scheduled";
  readonly text: string;
  readonly title: string | null;
}

export interface ForecasterView {
  readonly id: string;
  readonly description: string | null;
  readonly series: string;
  readonly unit: string | null;
  readonly horizon: string;
  readonly state: string; // in words: "live", "searching", "on watch"
  readonly tone: Tone;
  readonly live: LiveView | null;
  readonly health: HealthView | null;
  readonly accuracy: AccuracyView | null;
  readonly backtest: BacktestView | null;
  readonly evaluation: EvaluationView | null;
  readonly active_run: string | null;
  readonly progress: ProgressView | null;
  readonly notes: readonly NoteView[];
  /** Null for a forecaster of one entity. */
  readonly fleet: FleetView | null;
  /** Of a fleet: of the entity that was observed first. */
  readonly chart: ChartView;
}

export interface StepView {
  readonly step: Step;
  readonly sequence: number;
  readonly time: string;
  readonly tone: Tone;
  readonly text: string;
}

export interface RunView {
  readonly run_id: string;
  readonly short: string;
  readonly forecaster: string;
  readonly state: Step;
  readonly terminal: boolean;
  readonly started_at: string;
  readonly updated_at: string;
  readonly sequence: number; // of its first step; newest runs have the highest
  readonly steps: readonly StepView[];
}

export interface LogView {
  readonly sequence: number;
  readonly time: string;
  readonly kind: string;
  readonly forecaster: string | null;
  readonly run_id: string | null;
  readonly tone: Tone;
  readonly text: string;
}

export interface DemoView {
  readonly virtual_time: string | null;
  readonly progress: number | null; // 0..1
}

/** Head of the page: what just happened, and one command to type next. */
export interface TopView {
  readonly sentence: string;
  readonly next_command: string | null;
  readonly demo: DemoView | null;
  readonly time: string | null; // newest time known from the streams
  readonly ready: boolean;
  readonly counts: {
    readonly runs: number;
    readonly deployments: number;
    readonly rollbacks: number;
    readonly rejected: number;
    readonly dead_letters: number;
    readonly evaluations: number;
  };
}

export interface Snapshot {
  readonly top: TopView;
  readonly forecasters: readonly ForecasterView[];
  readonly runs: readonly RunView[];
  readonly log: readonly LogView[];
}

/** What changed since the last message of an event stream: whole rows, by their ids. */
export type Patch = Partial<Snapshot>;

/** One row of a run's trial table, best first. */
export interface TrialView {
  readonly number: number;
  /** the family, with its own parameters: `gbdt, leaves 16` */
  readonly model: string;
  readonly context_length: number;
  readonly num_samples: number;
  readonly temperature: number;
  readonly rmse: number | null;
  readonly mase: number | null;
  readonly coverage: number | null;
  readonly duration_ms: number;
  readonly chosen: boolean;
  readonly error: string | null;
}

export interface CriterionView {
  readonly name: string;
  readonly passed: boolean;
  readonly value: number | null;
  readonly limit: string;
  readonly reason: string;
}

/** `GET /api/runs/:id`. */
export interface RunDetails {
  readonly run: RunView;
  readonly explanation: {
    readonly headline: string;
    readonly sections: readonly { title: string; lines: readonly string[] }[];
  };
  readonly trials: readonly TrialView[];
  readonly criteria: readonly CriterionView[];
}

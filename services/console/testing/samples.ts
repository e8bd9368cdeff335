/** Events as the services publish them, for tests of this folder: whole and valid, with figures a test may choose. */
import type { Trialled } from "../../../shared/contracts/ab-tester.ts";
import type { Deployed, RolledBack, Verified } from "../../../shared/contracts/deployer.ts";
import type { CloudEvent, StepData } from "../../../shared/contracts/envelope.ts";
import type { Failed } from "../../../shared/contracts/failed.ts";
import type { LiveConfig } from "../../../shared/contracts/live-config.ts";
import type {
  BacktestMetrics,
  Candidate,
  Searched,
  TrialResult,
} from "../../../shared/contracts/optimizer.ts";
import { foldRun, type RunSummary } from "../../../shared/contracts/run.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { type Step, subjects } from "../../../shared/contracts/subjects.ts";
import type {
  Accepted,
  ArbiterStatus,
  DetectorResult,
  Evaluated,
  Refused,
} from "../../../shared/contracts/trigger.ts";
import type { Validated } from "../../../shared/contracts/validator.ts";
import { newEvent } from "../../../shared/events.ts";
import { deriveUuidV7 } from "../../../shared/ids.ts";

export const START_MS = Date.parse("2025-03-03T00:00:00Z");
const DIGEST = `sha256-${"0".repeat(63)}1`;

export interface StepEvent {
  readonly step: Step;
  readonly subject: string;
  readonly event: CloudEvent<StepData>;
}

export function runId(name: string, timeMs: number = START_MS): string {
  return deriveUuidV7(timeMs, name);
}

export function spec(forecaster: string, over: Partial<ForecasterSpec> = {}): ForecasterSpec {
  return ForecasterSpec.parse({
    forecaster,
    series: "eurusd",
    metric: "rate",
    unit: "USD per EUR",
    calendar: "weekdays",
    horizon: "7d",
    ...over,
  });
}

/** A triggered run that waits for six o'clock, with everything else that may hold it back. */
export function timing(forecaster: string): ArbiterStatus {
  return {
    forecaster,
    enabled: true,
    active: null,
    pending: {
      cause: "trigger",
      priority: "medium",
      reasons: ["performance: RMSE rose 22 %"],
      since: "2025-03-04T00:00:00.000Z",
      starts_at: "2025-03-04T06:00:00.000Z",
    },
    next_schedule: { cron: "0 6 * * 1", zone: "Europe/Berlin", at: "2025-03-10T05:00:00.000Z" },
    cooldown_until: "2025-03-05T00:00:00.000Z",
    budget: { runs: 3, used: 1, left: 2 },
    quiet: true,
    last_triggered_at: null,
    person_decided_at: null,
    last_optimized_at: null,
  };
}

export const candidate: Candidate = {
  context_length: 180,
  num_samples: 100,
  temperature: 1,
  model: "chronos-bolt",
  artifact: DIGEST,
};

export function metrics(rmse: number, over: Partial<BacktestMetrics> = {}): BacktestMetrics {
  const rest = { mape: 0.61, mae: rmse * 0.8, mase: 1.04, error_std: rmse * 0.98, mean_error: 0.0004 };
  return { rmse, ...rest, coverage: 0.94, n: 110, windows: 22, ...over };
}

export function trial(
  number: number,
  rmse: number | null,
  over: Partial<TrialResult["params"]> = {},
): TrialResult {
  const params = { context_length: 180, num_samples: 100, temperature: 1, ...over };
  const base = { number, phase: "search", params, rmse, duration_ms: 212, worker: "optimizer-1" } as const;
  return rmse === null
    ? { ...base, metrics: null, error: "the worker ran out of memory" }
    : { ...base, metrics: metrics(rmse) };
}

export function liveConfig(forecaster: string, version: number, run: string): LiveConfig {
  return {
    ...candidate,
    forecaster,
    horizon: "7d",
    version,
    run_id: run,
    validation_rmse: 0.0081,
    validation_mape: 0.61,
    validation_mae: 0.0062,
    search_iterations: 27,
    optimization_time_seconds: 5.7,
    timestamp: new Date(START_MS).toISOString(),
  };
}

export function detector(over: Partial<DetectorResult> = {}): DetectorResult {
  return {
    detector: "performance",
    fired: true,
    severity: "medium",
    reason: "RMSE of the last 14 d is 31 % above that of the 60 d before",
    statistic: 0.31,
    threshold: 0.15,
    figures: { rmse_recent: 0.0105, rmse_baseline: 0.008 },
    thresholds: { threshold: 0.15 },
    ...over,
  };
}

export function evaluatedEvent(forecaster: string, detectors: DetectorResult[], timeMs = START_MS) {
  const fired = detectors.filter((each) => each.fired);
  const data: Evaluated = {
    forecaster,
    caused_by: [],
    should_optimize: fired.length > 0,
    reasons: fired.map((each) => each.reason),
    detectors,
    evidence: { code_version: "test" },
  };
  return newEvent({
    source: "retune/trigger/test",
    type: "dev.retune.retrain.evaluated",
    subject: forecaster,
    timeMs,
    data,
  });
}

/** Builds the steps of one run, each a minute after the one before. */
export class RunScript {
  readonly run: string;
  readonly events: StepEvent[] = [];
  private readonly forecaster: string;
  private timeMs: number;

  constructor(forecaster: string, name: string, startMs: number = START_MS) {
    this.forecaster = forecaster;
    this.run = runId(`${forecaster} ${name}`, startMs);
    this.timeMs = startMs;
  }

  accepted(over: Partial<Accepted> = {}, causedBy: number[] = []): this {
    return this.step("accepted", {
      cause: "trigger",
      action: "search",
      priority: "medium",
      reasons: ["RMSE of the last 14 d is 31 % above that of the 60 d before"],
      coalesced: 0,
      caused_by: causedBy,
      ...over,
    } satisfies Partial<Accepted>);
  }

  refused(over: Partial<Refused> = {}): this {
    const message = "the last run ended 3 d ago, the cool-down is 14 d";
    return this.step("refused", {
      cause: "trigger",
      reason: "cool-down",
      message,
      coalesced: 0,
      ...over,
    } satisfies Partial<Refused>);
  }

  searched(over: Partial<Searched> = {}): this {
    return this.step("searched", {
      candidate,
      metrics: metrics(0.0079),
      trials: [
        trial(0, 0.0083, { context_length: 90 }),
        trial(1, 0.0079),
        trial(2, null, { context_length: 365 }),
      ],
      sampler: "grid",
      fell_back: false,
      search_iterations: 3,
      optimization_time_seconds: 5.7,
      dataset: DIGEST,
      baselines: { "last-value": metrics(0.0078), "seasonal-naive": metrics(0.0092) },
      ...over,
    } satisfies Partial<Searched>);
  }

  verdict(step: "approved" | "rejected" | "held", over: Partial<Validated> = {}): this {
    const improvement = {
      name: "improvement",
      passed: step !== "rejected",
      value: step === "rejected" ? 0.004 : 0.071,
      limit: ">= 5 % RMSE or >= 3 % MAPE",
      reason: step === "rejected" ? "RMSE improved 0.4 %, needed 5 %" : "RMSE improved 7.1 %, needed 5 %",
    } as const;
    return this.step(step, {
      approved: step !== "rejected",
      first_deployment: false,
      candidate,
      champion: { ...candidate, context_length: 90, version: 1 },
      champion_revision: 4,
      candidate_metrics: { ...metrics(0.0079), inference_ms: 12 },
      champion_metrics: { ...metrics(0.0085), inference_ms: 11 },
      criteria: [
        improvement,
        {
          name: "coverage",
          passed: true,
          value: 0.94,
          limit: ">= 0.9",
          reason: "94 % of the actual values were inside the interval",
        },
      ],
      reasons: [improvement.reason],
      search_iterations: 3,
      optimization_time_seconds: 5.7,
      ...over,
    } satisfies Partial<Validated>);
  }

  trialled(over: Partial<Trialled> = {}): this {
    return this.step("trialled", {
      stage: "shadow",
      outcome: "promote",
      comparison: {
        pairs: 24,
        champion_rmse: 0.0085,
        challenger_rmse: 0.0078,
        champion_coverage: 0.95,
        challenger_coverage: 0.94,
        improvement: 0.08,
      },
      candidate,
      started_at: new Date(this.timeMs).toISOString(),
      ended_at: new Date(this.timeMs + 60_000).toISOString(),
      ...over,
    } satisfies Partial<Trialled>);
  }

  deployed(version: number, over: Partial<Deployed> = {}): this {
    return this.step("deployed", {
      success: true,
      config: liveConfig(this.forecaster, version, this.run),
      revision: version + 3,
      previous: version === 1 ? null : liveConfig(this.forecaster, version - 1, this.run),
      backup_path: version === 1 ? null : `backups/${this.forecaster}_20250303_000300.json`,
      git_hash: "4f0c2a1b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
      warnings: [],
      ...over,
    } satisfies Partial<Deployed>);
  }

  verified(version: number, over: Partial<Verified> = {}): this {
    const watched = {
      watched_from: new Date(this.timeMs).toISOString(),
      watched_to: new Date(this.timeMs + 3_600_000).toISOString(),
    };
    return this.step("verified", {
      config_version: version,
      checks: 60,
      failed_checks: 0,
      ...watched,
      ...over,
    } satisfies Partial<Verified>);
  }

  rolledBack(version: number, over: Partial<RolledBack> = {}): this {
    return this.step("rolled-back", {
      cause: "watch",
      reasons: [
        "3 checks in a row failed: RMSE since the deployment is 4.1 times that before it, 2 is the limit",
      ],
      rolled_back_run: this.run,
      from_version: version,
      restored: version === 1 ? null : liveConfig(this.forecaster, version + 1, this.run),
      revision: version + 4,
      git_hash: null,
      last_checks: [
        {
          at: new Date(this.timeMs).toISOString(),
          healthy: false,
          reasons: ["score"],
          figures: { rmse_ratio: 4.1 },
        },
      ],
      warnings: [],
      ...over,
    } satisfies Partial<RolledBack>);
  }

  failed(over: Partial<Failed> = {}): this {
    return this.step("failed", {
      stage: "search",
      cause: "no trial gave a forecast",
      will_retry: false,
      ...over,
    } satisfies Partial<Failed>);
  }

  /** The run as the stream's reader folds it, its first step at sequence `first`. */
  folded(first = 10): RunSummary {
    let run: RunSummary | undefined;
    this.events.forEach(({ subject, event }, i) => {
      run = foldRun(run, { subject, sequence: first + i, event });
    });
    if (run === undefined) throw new Error("a run needs a step");
    return run;
  }

  private step(step: Step, fields: object): this {
    const { forecaster, run, timeMs } = this;
    const data: StepData = {
      run_id: run,
      forecaster,
      caused_by: [],
      evidence: { code_version: "test" },
      ...fields,
    };
    const event = newEvent({
      source: "retune/test/1",
      type: `dev.retune.retrain.${step}`,
      subject: forecaster,
      timeMs,
      data,
    });
    this.events.push({ step, subject: subjects.step(step, forecaster, run), event });
    this.timeMs += 60_000;
    return this;
  }
}

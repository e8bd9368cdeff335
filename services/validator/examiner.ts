import type { Entry, KvBucket } from "../../shared/bus/kv.ts";
import type { Message } from "../../shared/bus/message.ts";
import { durationMs } from "../../shared/contracts/duration.ts";
import type { CloudEvent, StepData } from "../../shared/contracts/envelope.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { type Candidate, Searched } from "../../shared/contracts/optimizer.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { explain, RetuneError, UnavailableError } from "../../shared/errors.ts";
import { parseEvent } from "../../shared/events.ts";
import { BacktestRunner } from "../../shared/forecasting/backtest-pool.ts";
import { type DatasetCache, datasetCache } from "../../shared/forecasting/dataset-cache.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import type { ValidatorConfig } from "./config.ts";
import { decide } from "./decide.ts";
import { decideStrategy } from "./decide-strategy.ts";
import { measureStrategies, strategyToJudge } from "./examine-strategy.ts";
import { type Backtest, BacktestFailedError, backtestOf, type Contender, measure } from "./measure.ts";
import {
  failedOutcome,
  type Outcome,
  type SearchedRun,
  strategyOutcome,
  type Trial,
  unmeasuredOutcome,
  verdictOutcome,
} from "./outcome.ts";
import { championOf } from "./state.ts";
import { unknownEntities } from "./vocabulary.ts";

/** An idle process with its models takes tens of megabytes; it ends after this long. */
const IDLE_MS = 60_000;

/** Judges the candidates of searched runs, one after another, so that no other backtest falls on its timings. */
export class Examiner {
  private readonly context: ServiceContext;
  private readonly config: ValidatorConfig;
  private readonly specs: SpecStore;
  private readonly live: KvBucket<LiveConfig>;
  private readonly datasets: DatasetCache;
  private runner: { readonly runner: BacktestRunner; readonly memoryLimitMb: number } | undefined;
  private idle: NodeJS.Timeout | undefined;
  private stopping = false;

  constructor(context: ServiceContext, config: ValidatorConfig, specs: SpecStore) {
    this.context = context;
    this.config = config;
    this.specs = specs;
    this.live = context.bus.kv("live-configs", LiveConfig);
    this.datasets = datasetCache(context.bus.artifacts);
  }

  async handle(message: Message): Promise<void> {
    const run: SearchedRun = { data: parseEvent(message, Searched).data, sequence: message.sequence };
    const { forecaster, dataset, action } = run.data;
    // Read beside the outcome; what could not be read is seen where it is needed.
    const live = this.live.get(forecaster);
    const spec = this.specs.get(forecaster);
    void Promise.allSettled([live, spec && action !== "strategy" && this.dataset(dataset, spec)]);
    const known = await this.context.bus.outcome(run.data.run_id, "validation");
    if (known !== undefined)
      return this.conclude({ step: known.step, event: known.event as CloudEvent<StepData> });
    const isLast = message.deliveries >= this.config.attempts;
    try {
      await this.conclude(await this.examine(run, live, isLast));
    } catch (error) {
      const hopeless = error instanceof RetuneError && error.disposition === "terminate";
      if (this.stopping || (!hopeless && !isLast)) throw error;
      await this.conclude(failedOutcome(this.context, run, explain(error)));
    }
  }

  /** Ends what is under way at once; the run is handed to another validator, or to this one when it starts anew. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.idle);
    await this.runner?.runner.close();
  }

  private async examine(
    run: SearchedRun,
    championLive: Promise<Entry<LiveConfig> | undefined>,
    isLast: boolean,
  ): Promise<Outcome> {
    const { forecaster, candidate } = run.data;
    const spec = this.specs.get(forecaster);
    if (spec === undefined) throw new UnavailableError(`no spec of forecaster '${forecaster}' is applied`);
    const live = await championLive;
    const champion = live === undefined ? null : championOf(live.value);
    const trial: Trial = {
      ...{ spec, specRevision: this.specs.revision(forecaster) },
      ...{ champion, championRevision: live?.revision ?? 0 },
    };
    if (run.data.action === "strategy") return this.examineStrategy(run, trial);
    const backtest = backtestOf(spec, run.data);
    try {
      const measured = await this.measure(run.data, trial, backtest);
      const comparison = {
        candidate,
        champion,
        candidateMetrics: measured.candidate,
        championMetrics: measured.champion,
        unknown: measured.unknown,
      };
      const verdict = decide(comparison, spec.validation);
      return verdictOutcome(this.context, run, { ...trial, backtest }, verdict, measured);
    } catch (error) {
      const passing = !(error instanceof BacktestFailedError) || (error.disposition === "retry" && !isLast);
      if (this.stopping || passing) throw error;
      return unmeasuredOutcome(this.context, run, { ...trial, backtest }, explain(error));
    }
  }

  /** What a strategy would have earned; what cannot be told for good is a rejection. */
  private async examineStrategy(run: SearchedRun, trial: Trial): Promise<Outcome> {
    const { context } = this;
    const { spec, champion } = trial;
    try {
      const judged = strategyToJudge(run.data, spec, champion);
      const strategies = await measureStrategies(context.bus.artifacts, run.data, spec, judged);
      const verdict = decideStrategy(strategies, judged.strategy, spec.validation);
      return strategyOutcome(context, run, trial, verdict, strategies);
    } catch (error) {
      const lasting = error instanceof RetuneError && error.disposition === "terminate";
      if (this.stopping || !lasting) throw error;
      return unmeasuredOutcome(context, run, trial, explain(error));
    }
  }

  private async measure({ candidate, dataset }: Searched, { spec, champion }: Trial, backtest: Backtest) {
    const { artifacts } = this.context.bus;
    const data = await fetched("the search's data", this.dataset(dataset, spec));
    const contender = async (name: Contender["name"], config: Candidate): Promise<Contender> => {
      const { artifact } = config;
      const what = `the ${name}'s backtest failed: its model file`;
      const artifactPath = artifact === null ? undefined : await fetched(what, artifacts.fetch(artifact));
      return { name, config, artifactPath };
    };
    const contenders = {
      candidate: await contender("candidate", candidate),
      champion: champion === null ? null : await contender("champion", champion),
    };
    const runner = await this.runnerWith(spec.search.memory_limit_mb);
    clearTimeout(this.idle);
    try {
      const measured = await measure(runner, data, backtest, contenders, this.config.rounds);
      return { ...measured, unknown: await unknownEntities(data, contenders) };
    } finally {
      this.idle = setTimeout(() => void runner.abort("idle"), IDLE_MS).unref();
    }
  }

  private dataset(digest: string, { entities, step, calendar, season_length }: ForecasterSpec) {
    const grid = { stepMs: durationMs(step), calendar };
    return this.datasets.get(digest, { fleet: entities === "all", grid, seasonLength: season_length });
  }

  private async runnerWith(memoryLimitMb: number): Promise<BacktestRunner> {
    if (this.runner?.memoryLimitMb !== memoryLimitMb) {
      await this.runner?.runner.close();
      this.runner = { runner: new BacktestRunner({ memoryLimitMb }), memoryLimitMb };
    }
    return this.runner.runner;
  }

  private async conclude({ step, event }: Outcome): Promise<void> {
    const concluded = await this.context.bus.conclude("validation", step, event);
    const { run_id: run, forecaster } = event.data;
    const { reasons, cause } = concluded.event.data as { reasons?: unknown; cause?: unknown };
    this.context.log.info({ run, forecaster, verdict: concluded.step, reasons, cause }, "validation ended");
  }
}

/** Waits for what a backtest needs. What is lost or damaged for good is a failed backtest. */
async function fetched<T>(what: string, fetching: Promise<T>): Promise<T> {
  try {
    return await fetching;
  } catch (cause) {
    const lasting = cause instanceof RetuneError && cause.disposition === "terminate";
    throw new BacktestFailedError(what, { cause, disposition: lasting ? "terminate" : "retry" });
  }
}

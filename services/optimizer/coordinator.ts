import type { Message } from "../../shared/bus/message.ts";
import { firstIssue } from "../../shared/check.ts";
import { CloudEvent, type StepData } from "../../shared/contracts/envelope.ts";
import { trialKey } from "../../shared/contracts/optimizer.ts";
import type { Step } from "../../shared/contracts/subjects.ts";
import { Accepted } from "../../shared/contracts/trigger.ts";
import {
  explain,
  InvalidInputError,
  RetuneError,
  StaleStateError,
  UnavailableError,
} from "../../shared/errors.ts";
import { planFallback } from "../../shared/forecasting/search-plan.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { type MeasuringBaselines, startBaselines } from "./baselines.ts";
import { modelCheck } from "./check-model.ts";
import type { OptimizerConfig } from "./config.ts";
import { TooLittleDataError } from "./dataset.ts";
import { type Decision, decide } from "./decide.ts";
import { failedRunEvent, failedStudyEvent, searchedEvent } from "./outcome.ts";
import { ProgressReporter } from "./progress.ts";
import type { ResultFeed, Results } from "./results.ts";
import { RunnerPool } from "./runner-pool.ts";
import { plannedTrials, type Study, studyKey } from "./state.ts";
import { type AcceptedRun, makeStudy, type OpenStudy, type StudySources, studies } from "./study.ts";
import { inChunks, restoreTasks, storeTasks } from "./tasks.ts";

/** Time without a new result after which lost tasks and missed results are looked for. */
const SILENCE_MS = 3_000;

/**
 * Leads the searches of runs from `accepted` to `searched` or `failed`. All it knows lies in the bus, so any other
 * optimizer can go on where a dead one stopped, and two that lead the same run do no harm.
 */
export class Coordinator {
  private readonly context: ServiceContext;
  private readonly config: OptimizerConfig;
  private readonly sources: StudySources;
  private readonly feed: ResultFeed;
  private readonly runners = new RunnerPool(1);
  private readonly stopping = new AbortController();

  constructor(
    context: ServiceContext,
    config: OptimizerConfig,
    sources: Omit<StudySources, "checkModel">,
    feed: ResultFeed,
  ) {
    this.context = context;
    this.config = config;
    this.feed = feed;
    this.sources = { ...sources, checkModel: modelCheck(this.runners) };
  }

  async handle(message: Message): Promise<void> {
    const run = parseAccepted(message);
    try {
      await this.lead(run);
    } catch (error) {
      const { dataAttempts, attempts } = this.config;
      const patience = error instanceof TooLittleDataError ? dataAttempts : attempts;
      const hopeless = error instanceof RetuneError && error.disposition === "terminate";
      if (this.stopping.signal.aborted || (!hopeless && message.deliveries < patience)) throw error;
      await this.conclude(run.data.run_id, "failed", failedRunEvent(this.context, run, explain(error)));
    }
  }

  /** Lets go of every run under way; they are handed to another optimizer, or to this one when it starts anew. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.runners.close();
  }

  private async lead(run: AcceptedRun): Promise<void> {
    const { run_id, action } = run.data;
    const [isOver, found] = await Promise.all([this.finish(run_id), this.read(run_id)]);
    if (isOver) return;
    if (action !== "search")
      throw new InvalidInputError(`action '${action}' is not supported, expected 'search'`);
    const results = this.feed.of(run_id);
    let baselines: MeasuringBaselines | undefined;
    try {
      const opened = found ?? (await makeStudy(this.context, this.sources, run));
      baselines = startBaselines(this.context, this.sources.windows, this.runners, opened.study);
      // It may have been concluded, and its study removed, while this one was made.
      const [isOverNow] = await Promise.all([this.finish(run_id), this.plan(opened, results)]);
      if (!isOverNow) await this.search(opened, results, baselines);
    } finally {
      results.stop();
      await baselines?.stop();
    }
  }

  /** Puts the trials of a new study on the queue; repairs what a crash may have left of an older one. */
  private async plan({ study, fresh }: OpenStudy, results: Results): Promise<void> {
    if (fresh) await storeTasks(this.context.bus, study, plannedTrials(study));
    else await this.repair(study, results);
  }

  private async search(opened: OpenStudy, results: Results, baselines: MeasuringBaselines): Promise<void> {
    const { run_id } = opened.study;
    const progress = new ProgressReporter(this.context);
    let current = opened;
    for (;;) {
      const { study } = current;
      const nowMs = Date.now();
      const decision = decide(study, results.byNumber, nowMs);
      progress.report(study, results.byNumber, decision.kind !== "wait");
      if (decision.kind === "wait") {
        const waitMs = Math.min(SILENCE_MS, decision.untilMs - nowMs);
        if (await results.change(waitMs, this.stopping.signal)) continue;
        const stored = await this.read(run_id);
        if (stored === undefined) {
          if (await this.finish(run_id)) return;
          throw new UnavailableError(`the study of run ${run_id} is gone and has no outcome`);
        }
        current = stored;
        await this.repair(stored.study, results);
      } else if (decision.kind === "fall-back") {
        current = await this.fallBack(current, results, decision.because);
      } else {
        await this.end(study, decision, results, baselines);
        return;
      }
    }
  }

  private async repair(study: Study, results: Results): Promise<void> {
    const decision = decide(study, results.byNumber, Date.now());
    if (decision.kind !== "wait") return;
    const lost = await restoreTasks(this.context.bus, study, decision.missing, results);
    if (lost > 0)
      this.context.log.warn(
        { run: study.run_id, forecaster: study.forecaster, lost },
        "lost trials put back",
      );
  }

  /** The study as it is now; undefined before it is made and once the run's search was concluded. */
  private async read(run: string): Promise<OpenStudy | undefined> {
    const found = await studies(this.context).get(studyKey(run));
    return found === undefined ? undefined : { study: found.value, revision: found.revision, fresh: false };
  }

  private async fallBack(
    { study, revision }: OpenStudy,
    results: Results,
    because: string,
  ): Promise<OpenStudy> {
    const { run_id, forecaster } = study;
    const tried = plannedTrials(study).filter(({ number }) => results.byNumber.has(number));
    const points = planFallback(
      study.search,
      tried.map(({ params }) => params),
    );
    const next: Study = { ...study, fallback: { because, points, started_at_ms: Date.now() } };
    this.context.log.warn(
      { run: run_id, forecaster, because, trials: points.length },
      "the search falls back to cheaper trials",
    );
    let stored: number;
    try {
      stored = await studies(this.context).update(studyKey(run_id), next, revision);
    } catch (error) {
      if (!(error instanceof StaleStateError)) throw error;
      const theirs = await this.read(run_id);
      if (theirs === undefined)
        throw new UnavailableError(`another optimizer ended the search of run ${run_id}`, { cause: error });
      await this.repair(theirs.study, results);
      return theirs;
    }
    const trials = plannedTrials(next).filter(({ phase }) => phase === "fallback");
    await storeTasks(this.context.bus, next, trials);
    return { study: next, revision: stored, fresh: false };
  }

  private async end(
    study: Study,
    decision: Extract<Decision, { kind: "searched" | "failed" }>,
    results: Results,
    measuring: MeasuringBaselines,
  ): Promise<void> {
    const { run_id } = study;
    const numbers = plannedTrials(study).map(({ number }) => number);
    const trials = numbers.every((number) => results.byNumber.has(number)) ? numbers : undefined;
    if (decision.kind === "failed") {
      const failed = failedStudyEvent(this.context, study, decision.cause);
      return this.conclude(run_id, "failed", failed, trials);
    }
    const baselines = await measuring.result();
    if (this.stopping.signal.aborted)
      throw new UnavailableError("the optimizer stops; another one ends the search with all baselines");
    const found = { winner: decision.winner, results: results.byNumber, baselines, nowMs: Date.now() };
    await this.conclude(run_id, "searched", searchedEvent(this.context, study, found), trials);
  }

  /** True when the search has an outcome: it is then published, if it was not, and cleaned up after. */
  private async finish(run: string): Promise<boolean> {
    const outcome = await this.context.bus.outcome(run, "search");
    if (outcome === undefined) return false;
    await this.conclude(run, outcome.step, outcome.event as CloudEvent<StepData>);
    return true;
  }

  /** @param trials numbers of all trials, where each of them has a result */
  private async conclude(
    run: string,
    step: Step,
    event: CloudEvent<StepData>,
    trials?: readonly number[],
  ): Promise<void> {
    const { bus, log } = this.context;
    const concluded = await bus.conclude("search", step, event);
    await this.cleanUp(run, trials);
    const { forecaster } = event.data;
    const cause =
      concluded.step === "failed" ? { cause: (concluded.event.data as { cause?: unknown }).cause } : {};
    log[concluded.step === "failed" ? "warn" : "info"](
      { run, forecaster, outcome: concluded.step, ...cause },
      "search ended",
    );
  }

  /** What is in the outcome need not be kept elsewhere. The study goes first: without it nobody works on trials. */
  private async cleanUp(run: string, trials?: readonly number[]): Promise<void> {
    const bucket = studies(this.context);
    await bucket.delete(studyKey(run));
    const keys = trials?.map((number) => trialKey(run, number)) ?? (await bucket.keys(`trial.${run}.*`));
    await inChunks(keys, (key) => bucket.delete(key));
  }
}

function parseAccepted(message: Message): AcceptedRun {
  const event = CloudEvent.safeParse(message.json());
  const data = Accepted.safeParse(event.data?.data);
  if (event.success && data.success) return { data: data.data, sequence: message.sequence };
  throw new InvalidInputError(`event on '${message.subject}': ${firstIssue((event.error ?? data.error)!)}`);
}

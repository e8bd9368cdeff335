import type { Message } from "../../shared/bus/message.ts";
import type { CloudEvent, StepData } from "../../shared/contracts/envelope.ts";
import { trialKey } from "../../shared/contracts/optimizer.ts";
import type { Step } from "../../shared/contracts/subjects.ts";
import { Accepted } from "../../shared/contracts/trigger.ts";
import { explain, RetuneError, UnavailableError } from "../../shared/errors.ts";
import { parseEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { thisMachine } from "./adapt.ts";
import { type MeasuringBaselines, startBaselines } from "./baselines.ts";
import { modelCheck } from "./check-model.ts";
import type { OptimizerConfig } from "./config.ts";
import { TooLittleDataError } from "./dataset.ts";
import { StudyLeader } from "./leader.ts";
import { failedRunEvent } from "./outcome.ts";
import type { ResultFeed } from "./results.ts";
import { RunnerPool } from "./runner-pool.ts";
import { baselineWork, studyKey } from "./state.ts";
import { searchStrategy } from "./strategy/run.ts";
import { type AcceptedRun, makeStudy, type OpenStudy, studies } from "./study.ts";
import type { StudySources } from "./study-sources.ts";
import { inChunks } from "./tasks.ts";

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
  /** By forecaster: what its last search found is on its way to where the next one looks. */
  private readonly remembering = new Map<string, Promise<void>>();

  constructor(
    context: ServiceContext,
    config: OptimizerConfig,
    sources: Omit<StudySources, "checkModel" | "machine">,
    feed: ResultFeed,
  ) {
    this.context = context;
    this.config = config;
    this.feed = feed;
    this.sources = {
      ...sources,
      checkModel: modelCheck(this.runners),
      machine: thisMachine(config.workers),
    };
  }

  async handle(message: Message): Promise<void> {
    const run: AcceptedRun = { data: parseEvent(message, Accepted).data, sequence: message.sequence };
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
    const { run_id, forecaster } = run.data;
    await this.remembering.get(forecaster);
    this.remembering.delete(forecaster);
    const [isOver, found] = await Promise.all([
      this.finish(run_id),
      studies(this.context).get(studyKey(run_id)),
    ]);
    if (isOver) return;
    if (run.data.action === "strategy") {
      const { context, sources, runners, stopping } = this;
      const event = await searchStrategy(context, sources, runners, run, stopping.signal);
      return this.conclude(run_id, "searched", event);
    }
    const results = this.feed.of(run_id);
    let baselines: MeasuringBaselines | undefined;
    try {
      const opened: OpenStudy =
        found === undefined
          ? await makeStudy(this.context, this.sources, run)
          : { study: found.value, revision: found.revision, fresh: false };
      baselines = startBaselines(this.context, this.runners, baselineWork(opened.study));
      const leader = new StudyLeader(this.context, opened, results, this.stopping.signal);
      // It may have been concluded, and its study removed, while this one was made.
      const [isOverNow] = await Promise.all([this.finish(run_id), leader.begin()]);
      if (isOverNow) return;
      const ending = await leader.lead(baselines);
      if (ending !== undefined) {
        this.remembering.set(forecaster, leader.remembered);
        await this.conclude(run_id, ending.step, ending.event, leader.doneTasks);
        await leader.remembered;
      } else if (!(await this.finish(run_id)))
        throw new UnavailableError(`the study of run ${run_id} is gone and has no outcome`);
    } finally {
      results.stop();
      await baselines?.stop();
    }
  }

  /** True when the search has an outcome: it is then published, if it was not, and cleaned up after. */
  private async finish(run: string): Promise<boolean> {
    const outcome = await this.context.bus.outcome(run, "search");
    if (outcome === undefined) return false;
    await this.conclude(run, outcome.step, outcome.event as CloudEvent<StepData>);
    return true;
  }

  /** @param done all tasks that were planned, where each of them has a result */
  private async conclude(
    run: string,
    step: Step,
    event: CloudEvent<StepData>,
    done?: StudyLeader["doneTasks"],
  ): Promise<void> {
    const { bus, log } = this.context;
    const concluded = await bus.conclude("search", step, event);
    await this.cleanUp(run, done);
    const { forecaster } = event.data;
    const cause =
      concluded.step === "failed" ? { cause: (concluded.event.data as { cause?: unknown }).cause } : {};
    log[concluded.step === "failed" ? "warn" : "info"](
      { run, forecaster, outcome: concluded.step, ...cause },
      "search ended",
    );
  }

  /** What is in the outcome need not be kept elsewhere. The study goes first: without it nobody works on trials. */
  private async cleanUp(run: string, done?: StudyLeader["doneTasks"]): Promise<void> {
    const bucket = studies(this.context);
    await bucket.delete(studyKey(run));
    const keys =
      done?.map(({ number, rung }) => trialKey(run, number, rung)) ?? (await bucket.keys(`trial.${run}.>`));
    await inChunks(keys, (key) => bucket.delete(key));
  }
}

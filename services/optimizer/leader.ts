import type { CloudEvent, StepData } from "../../shared/contracts/envelope.ts";
import type { Step } from "../../shared/contracts/subjects.ts";
import { StaleStateError, UnavailableError } from "../../shared/errors.ts";
import { datasetCache } from "../../shared/forecasting/dataset-cache.ts";
import { planFallback } from "../../shared/forecasting/search-plan.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { datasetAbout } from "./backtest-job.ts";
import type { MeasuringBaselines } from "./baselines.ts";
import { type Decision, decide, finalTask } from "./decide.ts";
import {
  knownWindows,
  LossesRecord,
  lossesKey,
  readLosses,
  type StudyLosses,
  storeWindows,
  windowKeys,
} from "./losses.ts";
import { failedStudyEvent, searchedEvent } from "./outcome.ts";
import { ProgressReporter } from "./progress.ts";
import type { Results } from "./results.ts";
import { type GenerationStanding, type KnownWindows, standingOf } from "./standing.ts";
import { type PlannedTask, plannedTrials, type Study, studyKey, taskKey } from "./state.ts";
import { type OpenStudy, studies } from "./study.ts";
import { rowsOf } from "./table.ts";
import { restoreTasks, storeTasks } from "./tasks.ts";

/** Time without a new result after which lost tasks and missed results are looked for. */
const SILENCE_MS = 3_000;

/** How the search of a run ended. */
export interface Ending {
  readonly step: Extract<Step, "searched" | "failed">;
  readonly event: CloudEvent<StepData>;
}

/** What a leader knows beside the study and its results. */
interface Memory extends StudyLosses {
  readonly known: KnownWindows;
}

/**
 * Leads one study from decision to decision. What it knows lies in the bus, so another leader can go on at any point, and
 * two of the same study do no harm: each change of the study is compare-and-set, and whoever loses goes on with the
 * winner's.
 */
export class StudyLeader {
  private readonly context: ServiceContext;
  private readonly results: Results;
  private readonly progress: ProgressReporter;
  private readonly stopping: AbortSignal;
  private current: OpenStudy;
  private memory: Memory | undefined;
  /** Settles when the next search of the forecaster can know what this one has found. */
  remembered: Promise<void> = Promise.resolve();
  /** tasks that this leader has put on the queue, or seen to be there */
  private readonly queued = new Set<string>();

  constructor(context: ServiceContext, opened: OpenStudy, results: Results, stopping: AbortSignal) {
    this.context = context;
    this.current = opened;
    this.results = results;
    this.stopping = stopping;
    this.progress = new ProgressReporter(context);
  }

  /**
   * Puts the trials of a new study on the queue; repairs what a crash may have left of an older one.
   *
   * @throws as `DatasetCache.get` and `readLosses`
   */
  async begin(): Promise<void> {
    const { artifacts } = this.context.bus;
    const { study, fresh } = this.current;
    const data = await datasetCache(artifacts).get(study.dataset, datasetAbout(study));
    const keys = windowKeys(study, data, this.context.codeVersion);
    const book = await readLosses(artifacts, study.losses);
    this.memory = { data, keys, book, known: knownWindows(book, keys) };
    if (!fresh) {
      await this.results.readAll();
      await this.repair();
    }
    const decision = this.decide();
    if (decision.kind === "wait") await this.enqueue(decision.missing);
  }

  /** @returns undefined once somebody else has ended the search */
  async lead(baselines: MeasuringBaselines): Promise<Ending | undefined> {
    for (;;) {
      const { study } = this.current;
      const nowMs = Date.now();
      const decision = this.decide(nowMs);
      this.progress.report(
        study,
        () => this.standing(),
        decision.kind === "searched" || decision.kind === "failed",
      );
      switch (decision.kind) {
        case "wait":
          await this.enqueue(decision.missing);
          if (await this.results.change(Math.min(SILENCE_MS, decision.untilMs - nowMs), this.stopping)) break;
          if (!(await this.reread())) return undefined;
          await this.repair();
          break;
        case "plan":
          await this.change({ ...study, generations: [...study.generations, [...decision.points]] });
          break;
        case "fall-back":
          await this.fallBack(decision.because);
          break;
        case "train":
          await this.change({ ...study, final: { number: decision.winner.number, started_at_ms: nowMs } });
          await this.enqueue([finalTask(this.current.study, decision.winner.number)]);
          break;
        case "failed":
          return { step: "failed", event: failedStudyEvent(this.context, study, decision.cause) };
        case "searched":
          return { step: "searched", event: await this.searched(decision, baselines) };
      }
    }
  }

  /** Tasks with results, where every planned one has one. */
  get doneTasks(): readonly { number: number; rung: number }[] | undefined {
    const { study } = this.current;
    if (study.fallback !== null) return undefined;
    return [...this.results.byTask.values()].map(({ number, rung = 0 }) => ({ number, rung }));
  }

  private decide(nowMs = Date.now()): Decision {
    return decide(this.current.study, this.results.byTask, nowMs, this.memory?.known);
  }

  private standing() {
    return standingOf(this.current.study, this.results.byTask, this.memory?.known);
  }

  private async enqueue(tasks: readonly PlannedTask[]): Promise<void> {
    const isNew = ({ trial: { number }, rung }: PlannedTask) => !this.queued.has(taskKey({ number, rung }));
    const added = tasks.filter(isNew);
    if (added.length === 0) return;
    await storeTasks(this.context.bus, this.current.study, added);
    for (const { trial, rung } of added) this.queued.add(taskKey({ number: trial.number, rung }));
  }

  /** Looks for results that were missed and tasks that were lost, and puts these back. */
  private async repair(): Promise<void> {
    const decision = this.decide();
    if (decision.kind !== "wait") return;
    const { bus, log } = this.context;
    const { study } = this.current;
    const lost = await restoreTasks(bus, study, decision.missing, this.results);
    for (const { trial, rung } of decision.missing) this.queued.add(taskKey({ number: trial.number, rung }));
    const { run_id: run, forecaster } = study;
    if (lost > 0) log.warn({ run, forecaster, lost }, "lost trials put back");
  }

  private async fallBack(because: string): Promise<void> {
    const { study } = this.current;
    const { run_id: run, forecaster, plan, search } = study;
    const rows = rowsOf(study, this.standing());
    const tried = new Set(rows.map(({ number }) => number));
    const points = planFallback(
      plan,
      search.fallback.trials,
      plannedTrials(study).flatMap(({ number, point }) => (tried.has(number) ? [point] : [])),
    );
    const generation = Math.max(0, study.generations.length - 1);
    const cut = {
      generation,
      done: rows.filter((each) => each.generation === generation && each.pruned !== true).length,
      planned: study.generations[generation]!.length,
    };
    await this.change({ ...study, fallback: { because, points, cut, started_at_ms: Date.now() } });
    this.context.log.warn(
      { run, forecaster, because, trials: points.length },
      "the search falls back to cheaper trials",
    );
  }

  /** Changes the study, unless somebody else has done so since it was read: then their change counts. */
  private async change(next: Study): Promise<void> {
    const { revision } = this.current;
    try {
      const stored = await studies(this.context).update(studyKey(next.run_id), next, revision);
      this.current = { study: next, revision: stored, fresh: false };
    } catch (error) {
      if (!(error instanceof StaleStateError)) throw error;
      if (!(await this.reread()))
        throw new UnavailableError(`another optimizer ended the search of run ${next.run_id}`, {
          cause: error,
        });
      await this.repair();
    }
  }

  /** Takes in the study as it is stored, and what it was decided from. @returns false when it is gone */
  private async reread(): Promise<boolean> {
    const found = await studies(this.context).get(studyKey(this.current.study.run_id));
    if (found === undefined) return false;
    if (found.revision !== this.current.revision) await this.results.readAll();
    this.current = { study: found.value, revision: found.revision, fresh: false };
    return true;
  }

  private async searched(
    { winner, artifact, training }: Extract<Decision, { kind: "searched" }>,
    measuring: MeasuringBaselines,
  ): Promise<CloudEvent<StepData>> {
    const { study } = this.current;
    const { times } = this.memory!.data;
    const standing = this.standing();
    const baselines = await measuring.result();
    if (this.stopping.aborted)
      throw new UnavailableError("the optimizer stops; another one ends the search with all baselines");
    this.remembered = this.remember(standing);
    return searchedEvent(this.context, study, {
      ...{ winner, artifact, training, standing, baselines, times, nowMs: Date.now() },
    });
  }

  /** Keeps what was found for the next search. Without it that only takes longer. */
  private async remember(standing: readonly GenerationStanding[]): Promise<void> {
    const { bus, log } = this.context;
    const { run_id, forecaster } = this.current.study;
    try {
      const artifact = await storeWindows(bus.artifacts, this.current.study, standing, this.memory!);
      if (artifact !== null)
        await bus.kv("states", LossesRecord).put(lossesKey(forecaster), { artifact, run_id });
    } catch (err) {
      log.warn({ err, run: run_id, forecaster }, "losses could not be kept for the next search");
    }
  }
}

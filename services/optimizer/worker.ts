import type { KvBucket } from "../../shared/bus/kv.ts";
import type { Message } from "../../shared/bus/message.ts";
import { check } from "../../shared/check.ts";
import { TrialResult, TrialTask, trialKey } from "../../shared/contracts/optimizer.ts";
import { StaleStateError } from "../../shared/errors.ts";
import type { StoredFile } from "../../shared/forecasting/backtest-pool.ts";
import { type DatasetCache, datasetCache } from "../../shared/forecasting/dataset-cache.ts";
import { Recent } from "../../shared/recent.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { datasetAbout, type TrialInputs } from "./backtest-job.ts";
import { RunnerPool } from "./runner-pool.ts";
import { phaseOf, type Study, studyKey } from "./state.ts";
import { studies } from "./study.ts";
import { putBack } from "./tasks.ts";
import { tryTrial } from "./trial.ts";

const CHECK_EVERY_MS = 500;
/** Longest that a trial under way may hold up the end of the process. */
const STOP_LIMIT_MS = 10_000;

/**
 * Works on trials of any run, whoever coordinates it. A trial's result is written once, by whoever finishes it first;
 * only then is the task acknowledged, so a worker that dies loses nothing but its own time.
 */
export class TrialWorker {
  private readonly context: ServiceContext;
  private readonly results: KvBucket<TrialResult>;
  private readonly studies: KvBucket<Study>;
  private readonly datasets: DatasetCache;
  private readonly artifacts = new Recent<string>();
  private readonly runners: RunnerPool;
  private closing = false;

  constructor(context: ServiceContext, workers: number) {
    this.context = context;
    this.runners = new RunnerPool(workers);
    this.results = context.bus.kv("states", TrialResult);
    this.studies = studies(context);
    this.datasets = datasetCache(context.bus.artifacts);
  }

  /** Trials under way. */
  get busy(): number {
    return this.runners.busy;
  }

  async handle(message: Message): Promise<void> {
    const task = parseTask(message);
    const key = trialKey(task.run_id, task.number, task.rung);
    const [done, isWanted] = await Promise.all([this.results.get(key), this.isWanted(task)]);
    if (done !== undefined || !isWanted) return;

    const runner = this.runners.take(task.memory_limit_mb);
    let wanted = true;
    const check = setInterval(() => {
      void this.isWanted(task).then(
        async (still) => {
          if (still || !wanted) return;
          wanted = false;
          await runner.abort("the search has ended");
        },
        () => {}, // the server does not answer: the next check asks again
      );
    }, CHECK_EVERY_MS);
    try {
      const { deliveries } = message;
      const worker = this.context.instance;
      const store = (bundle: Uint8Array) => this.context.bus.artifacts.put(bundle);
      const result = await tryTrial(task, { deliveries, worker, runner, store }, () => this.inputs(task));
      if (result.error !== undefined) this.forget(task);
      if (wanted && (await this.isWanted(task))) await this.write(key, result);
    } catch (error) {
      this.forget(task);
      if (!wanted) return;
      if (!this.closing) throw error;
      // Put back as a new message: the end of a worker must not use up one of the trial's attempts.
      await putBack(this.context.bus, task);
    } finally {
      clearInterval(check);
      await this.runners.give(runner);
    }
  }

  /** Ends what is still under way after 10 s; its tasks go back to the queue as if they had not been handed out. */
  stopSoon(): NodeJS.Timeout {
    return setTimeout(() => void this.close(), STOP_LIMIT_MS);
  }

  close(): Promise<void> {
    this.closing = true;
    return this.runners.close();
  }

  /** False once the phase of the study that planned the trial is over: its trials must not cost anything then. */
  private async isWanted(task: TrialTask): Promise<boolean> {
    const study = await this.studies.get(studyKey(task.run_id));
    return study !== undefined && phaseOf(study.value) === task.phase;
  }

  private async inputs(task: TrialTask): Promise<TrialInputs> {
    const { dataset, artifact, training, parent, pretrained, train_end } = task;
    const data = await this.datasets.get(dataset, datasetAbout(task));
    if (artifact !== null)
      return { data, artifactPath: (await this.fetched(artifact)).path, train: undefined };
    const from = training === "full" ? null : parent;
    const train = {
      ...{ end: train_end, codeVersion: this.context.codeVersion },
      parent: from === null ? undefined : await this.fetched(from),
      pretrained:
        pretrained === null
          ? undefined
          : { family: pretrained.family, ...(await this.fetched(pretrained.artifact)) },
    };
    return { data, artifactPath: undefined, train };
  }

  private async fetched(digest: string): Promise<StoredFile> {
    const { artifacts } = this.context.bus;
    return { digest, path: await this.artifacts.get(digest, () => artifacts.fetch(digest)) };
  }

  private forget({ dataset, artifact, parent, pretrained }: TrialTask): void {
    this.datasets.delete(dataset);
    for (const digest of [artifact, parent, pretrained?.artifact ?? null])
      if (digest !== null) this.artifacts.delete(digest);
  }

  private async write(key: string, result: TrialResult): Promise<void> {
    try {
      await this.results.create(key, result);
    } catch (error) {
      if (!(error instanceof StaleStateError)) throw error;
      this.context.log.info({ key }, "another worker was faster");
    }
  }
}

function parseTask({ subject, json }: Message): TrialTask {
  return check(TrialTask, json(), `trial on '${subject}'`);
}

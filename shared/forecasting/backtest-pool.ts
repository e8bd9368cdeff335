import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { UnavailableError } from "../errors.ts";
import { keepsAlive, startBacktestChild } from "./backtest-child.ts";
import type { BacktestData } from "./backtest-data.ts";
import {
  type Answer,
  type BacktestJob,
  type InferenceJob,
  type InferenceTimes,
  type MeasuredBacktest,
  type Question,
  revive,
  type StepForecastJob,
  type TrainedModel,
  type TrainingJob,
  type WorkerReply,
  type WorkerRequest,
} from "./backtest-messages.ts";
import type { StepForecasts } from "./step-forecasts.ts";

export {
  type BacktestJob,
  type InferenceJob,
  type InferenceTimes,
  type MeasuredBacktest,
  OutOfMemoryError,
  type StoredFile,
  type TrainedModel,
  type Training,
  type TrainingFigures,
  type TrainingJob,
} from "./backtest-messages.ts";

export interface BacktestRunnerOptions {
  /**
   * Memory for the work in MB, none unless told: as much heap, and as much in all, weights and arrays included, beside
   * 256 MB for what the process itself takes. The latter needs Linux.
   */
  readonly memoryLimitMb?: number | undefined;
}

/** Sets of data that a process remembers: the champion's and the candidate's are the same. */
const MAX_DATA = 2;

interface Pending {
  readonly resolve: (result: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Runs backtests in a process of its own, one after another, so that the caller's event loop stays free and survives
 * whatever happens there. A thread would not do: a thread that is ended, or that runs out of memory, while it is in
 * the model's native code takes its whole process with it.
 *
 * The process keeps its models open and remembers their predictions, so that a grid over `num_samples` and
 * `temperature` costs one inference pass per `context_length`. It starts with the first call. If it dies, everything
 * it had taken on is rejected and the next call starts a fresh one. An idle one does not keep the caller alive, and
 * none outlives it.
 */
export class BacktestRunner {
  private readonly options: BacktestRunnerOptions;
  private readonly pending = new Map<number, Pending>();
  private child: ChildProcess | undefined;
  /** data that the process has, by key, oldest first */
  private readonly data = new Map<BacktestData, number>();
  private nextId = 1;
  private closed = false;

  constructor(options: BacktestRunnerOptions = {}) {
    this.options = options;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /**
   * Backtests one configuration, after training its model where the job says so.
   *
   * @throws {InvalidInputError | ModelMismatchError} as `openFamily`, training and `backtest`
   * @throws {OutOfMemoryError} when the process met its memory limit
   * @throws {UnavailableError} when the process died otherwise, or the runner is closed
   */
  evaluate({ data, ...job }: BacktestJob): Promise<MeasuredBacktest> {
    return this.ask({ kind: "evaluate", job }, data) as Promise<MeasuredBacktest>;
  }

  /** Forecasts of one step over the past, without a score. @throws as `evaluate` */
  forecast({ data, ...job }: StepForecastJob): Promise<StepForecasts> {
    return this.ask({ kind: "forecast", job }, data) as Promise<StepForecasts>;
  }

  /** Trains one model and packs it. @throws as `evaluate` */
  train({ data, ...job }: TrainingJob): Promise<TrainedModel> {
    return this.ask({ kind: "train", job }, data) as Promise<TrainedModel>;
  }

  /** Median milliseconds of one live forecast of two configurations, measured alternately in one run (A-VAL-3). */
  measureInference(
    data: BacktestData,
    a: InferenceJob,
    b: InferenceJob,
    rounds = 15,
  ): Promise<InferenceTimes> {
    return this.ask({ kind: "measure", a, b, rounds }, data) as Promise<InferenceTimes>;
  }

  /** Ends the process at once, whatever it is doing: its calls are rejected. The next call starts a fresh one. */
  async abort(reason = "the backtest was aborted"): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    this.forget(child, new UnavailableError(reason));
    keepsAlive(child, true);
    const exited = once(child, "exit");
    if (child.kill("SIGKILL")) await exited;
  }

  /** Ends the process for good. Idempotent. */
  async close(): Promise<void> {
    this.closed = true;
    await this.abort("the backtest runner is closed");
  }

  private ask(question: Question, data: BacktestData): Promise<Answer> {
    if (this.closed) return Promise.reject(new UnavailableError("the backtest runner is closed"));
    this.child ??= this.start();
    const { child } = this;
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      keepsAlive(child, true);
      const dataKey = this.tell(child, data, id);
      send(child, { kind: "ask", id, dataKey, question });
    });
  }

  /** Has the process know some data; the same object is sent once. */
  private tell(child: ChildProcess, data: BacktestData, newKey: number): number {
    const known = this.data.get(data);
    if (known === undefined) send(child, { kind: "data", key: newKey, data });
    this.data.delete(data);
    this.data.set(data, known ?? newKey);
    if (this.data.size > MAX_DATA) {
      const [oldest, key] = this.data.entries().next().value!;
      this.data.delete(oldest);
      send(child, { kind: "forget", key });
    }
    return known ?? newKey;
  }

  private start(): ChildProcess {
    const child = startBacktestChild(this.options.memoryLimitMb, {
      isBusy: () => this.pending.size > 0,
      onReply: (reply) => this.settle(child, reply),
      onEnd: (cause) => this.forget(child, cause),
    });
    return child;
  }

  private settle(child: ChildProcess, reply: WorkerReply): void {
    const call = this.pending.get(reply.id);
    this.pending.delete(reply.id);
    if (this.pending.size === 0) keepsAlive(child, false);
    if (reply.ok) call?.resolve(reply.result);
    else call?.reject(revive(reply.error));
  }

  /** Rejects everything a process had taken on. One that was replaced already has nothing left. */
  private forget(child: ChildProcess, error: Error): void {
    if (child !== this.child) return;
    this.child = undefined;
    this.data.clear();
    const calls = [...this.pending.values()];
    this.pending.clear();
    for (const call of calls) call.reject(error);
  }
}

function send(child: ChildProcess, request: WorkerRequest): void {
  child.send(request, () => {}); // its exit says what is wrong
}

import { Worker } from "node:worker_threads";
import { explain, UnavailableError } from "../errors.ts";
import {
  type BacktestJob,
  type InferenceJob,
  type InferenceTimes,
  type MeasuredBacktest,
  OutOfMemoryError,
  revive,
  type WorkerReply,
  type WorkerRequest,
} from "./backtest-messages.ts";

export {
  type BacktestJob,
  type InferenceJob,
  type InferenceTimes,
  type MeasuredBacktest,
  OutOfMemoryError,
} from "./backtest-messages.ts";

export interface BacktestRunnerOptions {
  /** Heap of the worker in MB; Node's default unless told. Model weights and typed arrays lie outside it. */
  readonly memoryLimitMb?: number | undefined;
}

/** Room for short-lived objects. Backtests live in typed arrays; Node's default would reserve 48 MB a thread. */
const YOUNG_GENERATION_MB = 8;

interface Pending {
  readonly resolve: (result: MeasuredBacktest | InferenceTimes) => void;
  readonly reject: (error: Error) => void;
}

type Body = WorkerRequest extends infer R ? (R extends WorkerRequest ? Omit<R, "id"> : never) : never;

/**
 * Runs backtests in a worker thread, one after another, so that the caller's event loop stays free: a run of a model
 * blocks the thread it is in.
 *
 * The worker keeps its models open and remembers their predictions, so that a grid over `num_samples` and
 * `temperature` costs one inference pass per `context_length`. It starts with the first call. If it dies, everything
 * it had taken on is rejected and the next call starts a fresh one. An idle worker does not keep the process alive.
 */
export class BacktestRunner {
  private readonly options: BacktestRunnerOptions;
  private readonly pending = new Map<number, Pending>();
  private worker: Worker | undefined;
  private nextId = 1;
  private closed = false;

  constructor(options: BacktestRunnerOptions = {}) {
    this.options = options;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /**
   * Backtests one configuration.
   *
   * @throws {InvalidInputError | ModelMismatchError} as `openFamily` and `backtest`
   * @throws {OutOfMemoryError} when the worker met its memory limit
   * @throws {UnavailableError} when the worker died otherwise, or the runner is closed
   */
  evaluate(job: BacktestJob): Promise<MeasuredBacktest> {
    return this.ask({ kind: "evaluate", job }) as Promise<MeasuredBacktest>;
  }

  /** Median milliseconds of one live forecast of two configurations, measured alternately in one run (A-VAL-3). */
  measureInference(a: InferenceJob, b: InferenceJob, rounds = 15): Promise<InferenceTimes> {
    return this.ask({ kind: "measure", a, b, rounds }) as Promise<InferenceTimes>;
  }

  /** Ends the worker at once, whatever it is doing: its calls are rejected. The next call starts a fresh one. */
  async abort(reason = "the backtest was aborted"): Promise<void> {
    const worker = this.worker;
    this.forget(worker, new UnavailableError(reason));
    await worker?.terminate();
  }

  /** Ends the worker for good. Idempotent. */
  async close(): Promise<void> {
    this.closed = true;
    await this.abort("the backtest runner is closed");
  }

  private ask(body: Body): Promise<MeasuredBacktest | InferenceTimes> {
    if (this.closed) return Promise.reject(new UnavailableError("the backtest runner is closed"));
    this.worker ??= this.start();
    const worker = this.worker;
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ ...body, id });
    });
  }

  private start(): Worker {
    const { memoryLimitMb } = this.options;
    const resourceLimits = {
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      ...(memoryLimitMb === undefined ? {} : { maxOldGenerationSizeMb: memoryLimitMb }),
    };
    const worker = new Worker(new URL("./backtest-worker.ts", import.meta.url), { resourceLimits });
    worker.on("message", (reply: WorkerReply) => this.settle(worker, reply));
    worker.on("error", (error: Error & { code?: string }) => this.forget(worker, this.causeOf(error)));
    worker.on("exit", (code) =>
      this.forget(worker, new UnavailableError(`the backtest worker exited with code ${code}`)),
    );
    return worker;
  }

  private settle(worker: Worker, reply: WorkerReply): void {
    const call = this.pending.get(reply.id);
    this.pending.delete(reply.id);
    if (this.pending.size === 0) worker.unref();
    if (reply.ok) call?.resolve(reply.result);
    else call?.reject(revive(reply.error));
  }

  /** Rejects everything a worker had taken on. A worker that was replaced already has nothing left. */
  private forget(worker: Worker | undefined, error: Error): void {
    if (worker !== this.worker) return;
    this.worker = undefined;
    const calls = [...this.pending.values()];
    this.pending.clear();
    for (const call of calls) call.reject(error);
  }

  private causeOf(error: Error & { code?: string }): Error {
    if (error.code === "ERR_WORKER_OUT_OF_MEMORY") {
      const limit = this.options.memoryLimitMb;
      const detail = limit === undefined ? "" : ` of ${limit} MB`;
      return new OutOfMemoryError(`the backtest worker ran out of its memory${detail}`, { cause: error });
    }
    return new UnavailableError(`the backtest worker died: ${explain(error)}`, { cause: error });
  }
}

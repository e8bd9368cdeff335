import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { UnavailableError } from "../errors.ts";
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
  /** Heap of the process in MB; Node's default unless told. Model weights and typed arrays lie outside it. */
  readonly memoryLimitMb?: number | undefined;
}

const MODULE = fileURLToPath(new URL("./backtest-process.ts", import.meta.url));
/** Room for short-lived objects in MB, in each of two halves. Backtests live in typed arrays and need little. */
const SEMI_SPACE_MB = 4;
/** Of what a dying process says, enough for V8's last words. */
const LAST_WORDS = 64 * 1024;

interface Pending {
  readonly resolve: (result: MeasuredBacktest | InferenceTimes) => void;
  readonly reject: (error: Error) => void;
}

type Body = WorkerRequest extends infer R ? (R extends WorkerRequest ? Omit<R, "id"> : never) : never;

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
   * @throws {OutOfMemoryError} when the process met its memory limit
   * @throws {UnavailableError} when the process died otherwise, or the runner is closed
   */
  evaluate(job: BacktestJob): Promise<MeasuredBacktest> {
    return this.ask({ kind: "evaluate", job }) as Promise<MeasuredBacktest>;
  }

  /** Median milliseconds of one live forecast of two configurations, measured alternately in one run (A-VAL-3). */
  measureInference(a: InferenceJob, b: InferenceJob, rounds = 15): Promise<InferenceTimes> {
    return this.ask({ kind: "measure", a, b, rounds }) as Promise<InferenceTimes>;
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

  private ask(body: Body): Promise<MeasuredBacktest | InferenceTimes> {
    if (this.closed) return Promise.reject(new UnavailableError("the backtest runner is closed"));
    this.child ??= this.start();
    const { child } = this;
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      keepsAlive(child, true);
      child.send({ ...body, id } satisfies WorkerRequest, () => {}); // its exit says what is wrong
    });
  }

  private start(): ChildProcess {
    const { memoryLimitMb } = this.options;
    const execArgv = [
      `--max-semi-space-size=${SEMI_SPACE_MB}`,
      ...(memoryLimitMb === undefined ? [] : [`--max-old-space-size=${memoryLimitMb}`]),
    ];
    const stdio = ["ignore", "ignore", "pipe", "ipc"] as const;
    const child = fork(MODULE, { execArgv, serialization: "advanced", stdio: [...stdio] });
    let said = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-LAST_WORDS);
    });
    child.on("message", (reply: WorkerReply) => this.settle(child, reply));
    child.on("error", (cause) =>
      this.forget(child, new UnavailableError("the backtest process could not be started", { cause })),
    );
    child.on("close", (code, signal) => this.forget(child, this.causeOf(said, code, signal)));
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
    const calls = [...this.pending.values()];
    this.pending.clear();
    for (const call of calls) call.reject(error);
  }

  private causeOf(said: string, code: number | null, signal: string | null): Error {
    if (said.includes("JavaScript heap out of memory")) {
      const limit = this.options.memoryLimitMb;
      const detail = limit === undefined ? "" : ` of ${limit} MB`;
      return new OutOfMemoryError(`the backtest process ran out of its memory${detail}`);
    }
    const last = said.trim().split("\n").at(-1) ?? "";
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    return new UnavailableError(`the backtest process ${how}${last === "" ? "" : `: ${last}`}`);
  }
}

function keepsAlive(child: ChildProcess, yes: boolean): void {
  const handles = [child, child.channel, child.stderr as Socket | null];
  for (const handle of handles) {
    if (yes) handle?.ref();
    else handle?.unref();
  }
}

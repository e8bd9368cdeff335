import { Worker } from "node:worker_threads";
import { explain, UnavailableError } from "../../shared/errors.ts";
import { revive } from "../../shared/forecasting/backtest-messages.ts";
import { keepRuntimeQuiet } from "../../shared/forecasting/onnxruntime.ts";
import type { ModelAnswers, ModelReply, ModelRequestBody, ModelRequestKind } from "./model-messages.ts";

type Answer = ModelAnswers[ModelRequestKind];

interface Call {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** V8's share of a thread. Models and tensors lie outside it; Node's defaults would hold tens of MB in reserve. */
const LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 };

/** Calls to one worker thread. When it dies, its calls are rejected and `dead` is true for good. */
export class ModelThread {
  dead = false;
  /** Models that are open in it or about to be. */
  models = 0;
  private readonly worker: Worker;
  private readonly calls = new Map<number, Call>();
  private nextId = 1;
  private closing = false;
  private readonly exited: Promise<void>;

  constructor() {
    keepRuntimeQuiet();
    this.worker = new Worker(new URL("./model-worker.ts", import.meta.url), { resourceLimits: LIMITS });
    this.worker.unref();
    this.worker.on("message", (reply: ModelReply) => this.settle(reply));
    this.worker.on("error", (error) => this.die(`a model thread died: ${explain(error)}`));
    this.exited = new Promise((resolve) => {
      this.worker.on("exit", (code) => {
        this.die(`a model thread exited with code ${code}`);
        resolve();
      });
    });
  }

  /** @throws what the thread threw; {UnavailableError} when it died */
  async ask<K extends ModelRequestKind>(body: ModelRequestBody<K>): Promise<ModelAnswers[K]> {
    if (this.dead) throw new UnavailableError("a model thread died");
    const id = this.nextId++;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.worker.ref();
      this.worker.postMessage({ ...body, id });
    });
    return answer as ModelAnswers[K];
  }

  /** Releases every model and ends the thread. */
  async close(): Promise<void> {
    this.closing = true; // waited for from here on, so it has to keep the process alive
    if (!this.dead) await this.ask({ kind: "close" }).catch(() => {});
    await this.exited;
  }

  private settle(reply: ModelReply): void {
    const call = this.calls.get(reply.id);
    this.calls.delete(reply.id);
    if (this.calls.size === 0 && !this.closing) this.worker.unref();
    if (reply.ok) call?.resolve(reply.answer);
    else call?.reject(revive(reply.error));
  }

  private die(cause: string): void {
    this.dead = true;
    const calls = [...this.calls.values()];
    this.calls.clear();
    for (const call of calls) call.reject(new UnavailableError(cause));
  }
}

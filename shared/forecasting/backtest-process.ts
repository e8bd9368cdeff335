/** The process behind a `BacktestRunner`. */
import { stat } from "node:fs/promises";
import { explain } from "../errors.ts";
import { backtest } from "./backtest.ts";
import type { InferenceTimes, MeasuredBacktest, WorkerReply, WorkerRequest } from "./backtest-messages.ts";
import { type ForecastModel, openFamily } from "./families.ts";
import { timeInference } from "./inference-timing.ts";
import { ModelMismatchError } from "./manifest.ts";
import { QuantileCache } from "./quantile-cache.ts";

/** The champion's and the candidate's file, and one more. */
const MAX_MODELS = 3;

interface OpenModel {
  readonly model: ForecastModel;
  /** belongs to this very file: a changed file opens another model with an empty cache */
  readonly cache: QuantileCache;
}

const models = new Map<string, OpenModel>();

async function modelOf(family: string, artifactPath: string | undefined): Promise<OpenModel> {
  const key = `${family}:${artifactPath === undefined ? "" : await fileVersion(artifactPath)}`;
  const open = models.get(key) ?? {
    model: await openFamily(family, artifactPath),
    cache: new QuantileCache(),
  };
  models.delete(key);
  models.set(key, open);
  return open;
}

/** Closes the least recently used models. Only between requests: each may use two. */
async function closeSurplus(): Promise<void> {
  for (const [key, { model }] of [...models].slice(0, -MAX_MODELS)) {
    models.delete(key);
    await model.release();
  }
}

async function fileVersion(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path).catch((cause: unknown) => {
    throw new ModelMismatchError(`model '${path}' cannot be read: ${explain(cause)}`, { cause });
  });
  return `${path}:${size}:${mtimeMs}`;
}

async function handle(request: WorkerRequest): Promise<MeasuredBacktest | InferenceTimes> {
  if (request.kind === "evaluate") {
    const { family, artifactPath, values, seasonLength, plan, spec } = request.job;
    const { model, cache } = await modelOf(family, artifactPath);
    return backtest(model, { values, seasonLength }, plan, spec, cache);
  }
  const { a, b, rounds } = request;
  const first = await modelOf(a.family, a.artifactPath);
  const second = await modelOf(b.family, b.artifactPath);
  return timeInference({ model: first.model, job: a }, { model: second.model, job: b }, rounds);
}

async function answer(request: WorkerRequest): Promise<void> {
  const { id } = request;
  const reply = await handle(request).then(
    (result): WorkerReply => ({ id, ok: true, result }),
    (error: unknown): WorkerReply => ({
      id,
      ok: false,
      error: { name: error instanceof Error ? error.name : "Error", message: explain(error) },
    }),
  );
  process.send!(reply);
  await closeSurplus();
}

// One request at a time: timings would otherwise fall on each other.
let queue = Promise.resolve();
process.on("message", (request: WorkerRequest) => {
  queue = queue.then(() => answer(request));
});
process.on("disconnect", () => process.exit()); // whoever asked is gone

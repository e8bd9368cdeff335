/** The process behind a `BacktestRunner`. */
import { told } from "../told-errors.ts";
import { backtest } from "./backtest.ts";
import type { BacktestData } from "./backtest-data.ts";
import type { Answer, Question, WorkerReply, WorkerRequest } from "./backtest-messages.ts";
import { BacktestModels } from "./backtest-models.ts";
import { timeInference } from "./inference-timing.ts";
import { PeakMemory, volunteerForOutOfMemory } from "./process-memory.ts";
import { forecastSteps } from "./step-forecasts.ts";

const models = new BacktestModels();
const memory = new PeakMemory();
const known = new Map<number, BacktestData>();

async function handle(question: Question, data: BacktestData): Promise<Answer> {
  memory.start();
  if (question.kind === "measure") {
    const { a, b, rounds } = question;
    const first = await models.opened(a.family, a.artifactPath);
    const second = await models.opened(b.family, b.artifactPath);
    return timeInference(data, { model: first.model, job: a }, { model: second.model, job: b }, rounds);
  }
  if (question.kind === "train") {
    const { packed, figures } = await models.trainedBy({ ...question.job, data });
    return { bundle: packed, training: figures, memory_mb: memory.aboveBaseMb() };
  }
  if (question.kind === "forecast") {
    const { plan, spec } = question.job;
    const { model, cache } = await models.of(question.job, data);
    return forecastSteps(model, data, plan, spec, cache);
  }
  const { plan, spec, objective, batch } = question.job;
  const { model, cache, figures } = await models.of(question.job, data);
  const result = await backtest(model, data, plan, spec, { cache, objective, batch });
  return { ...result, memory_mb: memory.aboveBaseMb(), training: figures };
}

async function answer({ id, dataKey, question }: Extract<WorkerRequest, { kind: "ask" }>): Promise<void> {
  const reply = await handle(question, known.get(dataKey)!).then(
    (result): WorkerReply => ({ id, ok: true, result }),
    (error: unknown): WorkerReply => ({
      id,
      ok: false,
      error: told(error),
    }),
  );
  process.send!(reply);
  await models.closeSurplus();
}

volunteerForOutOfMemory();

// One request at a time: timings would otherwise fall on each other.
let queue = Promise.resolve();
process.on("message", (request: WorkerRequest) => {
  queue = queue.then(() => {
    if (request.kind === "data") known.set(request.key, request.data);
    else if (request.kind === "forget") known.delete(request.key);
    else return answer(request);
  });
});
process.on("disconnect", () => process.exit()); // whoever asked is gone

/** A thread that holds models: creating a session and running it block the thread they are in. */
import { readFile } from "node:fs/promises";
import { parentPort } from "node:worker_threads";
import { readBundleInfo } from "../../shared/forecasting/bundle/bundle.ts";
import { type ForecastModel, familyOf, openFamily } from "../../shared/forecasting/families.ts";
import { told } from "../../shared/told-errors.ts";
import type { ModelAnswers, ModelReply, ModelRequest, ModelRequestKind } from "./model-messages.ts";

const models = new Map<number, ForecastModel>();

// A config waits for its model to load; what a slower graph costs a forecast is next to nothing.
const OPTIONS = { optimise: false };

async function open(family: string, path: string | undefined, model: number): Promise<ModelAnswers["open"]> {
  if (path === undefined || (await familyOf(family)).artifact !== "trained") {
    models.set(model, await openFamily(family, path, OPTIONS));
    return { vocabulary: null };
  }
  const bytes = await readFile(path);
  models.set(model, await openFamily(family, bytes, OPTIONS));
  return { vocabulary: readBundleInfo(bytes, path).vocabulary ?? null };
}

async function handle(request: ModelRequest): Promise<ModelAnswers[ModelRequestKind]> {
  switch (request.kind) {
    case "open":
      return open(request.family, request.path, request.model);
    case "forecast": {
      const model = models.get(request.model);
      if (model === undefined) throw new Error(`model ${request.model} is not open`);
      return model.forecast(request.contexts, request.spec);
    }
    case "release": {
      const model = models.get(request.model);
      models.delete(request.model);
      await model?.release();
      return undefined;
    }
    case "close":
      for (const model of models.values()) await model.release();
      models.clear();
      return undefined;
  }
}

async function answer(request: ModelRequest): Promise<void> {
  const { id } = request;
  const reply = await handle(request).then(
    (answered): ModelReply => ({ id, ok: true, answer: answered }),
    (error: unknown): ModelReply => ({
      id,
      ok: false,
      error: told(error),
    }),
  );
  parentPort!.postMessage(reply);
  if (request.kind === "close") parentPort!.close();
}

parentPort!.on("message", (request: ModelRequest) => void answer(request));

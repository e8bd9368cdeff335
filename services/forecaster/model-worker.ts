/** A thread that holds models: creating a session and running it block the thread they are in. */
import { parentPort } from "node:worker_threads";
import { explain } from "../../shared/errors.ts";
import { type ForecastModel, openFamily } from "../../shared/forecasting/families.ts";
import type { SeriesForecast } from "../../shared/forecasting/forecast.ts";
import type { ModelReply, ModelRequest } from "./model-messages.ts";

const models = new Map<number, ForecastModel>();

async function handle(request: ModelRequest): Promise<SeriesForecast | undefined> {
  switch (request.kind) {
    case "open":
      // A config waits for its model to load; what a slower graph costs a forecast is next to nothing.
      models.set(request.model, await openFamily(request.family, request.path, { optimise: false }));
      return undefined;
    case "forecast": {
      const model = models.get(request.model);
      if (model === undefined) throw new Error(`model ${request.model} is not open`);
      const [forecast] = await model.forecast([request.context], request.spec);
      return forecast;
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
    (forecast): ModelReply => ({ id, ok: true, forecast }),
    (error: unknown): ModelReply => ({
      id,
      ok: false,
      error: { name: error instanceof Error ? error.name : "Error", message: explain(error) },
    }),
  );
  parentPort!.postMessage(reply);
  if (request.kind === "close") parentPort!.close();
}

parentPort!.on("message", (request: ModelRequest) => void answer(request));

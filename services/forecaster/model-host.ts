import { openFamily } from "../../shared/forecasting/families.ts";
import type { ForecastSpec, SeriesForecast } from "../../shared/forecasting/forecast.ts";
import { ModelThread } from "./model-thread.ts";

/** A model that is ready to serve. */
export interface ServedModel {
  /** @throws as `ForecastModel.forecast` */
  forecast(context: Float32Array, spec: ForecastSpec): Promise<SeriesForecast>;
  release(): Promise<void>;
}

/** Where models live. */
export interface ModelHost {
  /** @throws as `openFamily` */
  open(family: string, path: string | undefined): Promise<ServedModel>;
  close(): Promise<void>;
}

/**
 * Models with a file live in worker threads, so that loading and inference never stall the thread that answers
 * requests; a new one goes to the thread with the fewest, so that what is served goes on while its successor
 * loads. Baselines cost nothing and run where they are asked. A thread that dies is replaced, and its models
 * are opened anew at their next forecast.
 */
export class ThreadedModelHost implements ModelHost {
  private readonly threads: ModelThread[];
  private nextModel = 1;

  /** @param size threads; they start at once and wait */
  constructor(size: number) {
    this.threads = Array.from({ length: size }, () => new ModelThread());
  }

  async open(family: string, path: string | undefined): Promise<ServedModel> {
    if (path === undefined) return inThisThread(family);
    let place = await this.place(family, path);
    return {
      forecast: async (context, spec) => {
        if (place.thread.dead) place = await this.place(family, path);
        const { thread, model } = place;
        return (await thread.ask({ kind: "forecast", model, context, spec })) as SeriesForecast;
      },
      release: async () => {
        const { thread, model } = place;
        thread.models -= 1;
        if (!thread.dead) await thread.ask({ kind: "release", model });
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.close()));
  }

  private async place(family: string, path: string): Promise<{ thread: ModelThread; model: number }> {
    this.threads.forEach((thread, i) => {
      if (thread.dead) this.threads[i] = new ModelThread();
    });
    const thread = this.threads.reduce((least, each) => (each.models < least.models ? each : least));
    const model = this.nextModel++;
    thread.models += 1;
    try {
      await thread.ask({ kind: "open", model, family, path });
    } catch (error) {
      thread.models -= 1;
      throw error;
    }
    return { thread, model };
  }
}

async function inThisThread(family: string): Promise<ServedModel> {
  const model = await openFamily(family);
  return {
    forecast: async (context, spec) => (await model.forecast([context], spec))[0]!,
    release: model.release,
  };
}

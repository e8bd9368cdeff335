import type { ForecastSpec, SeriesForecast } from "../../shared/forecasting/forecast.ts";
import { ModelThread } from "./model-thread.ts";

/** A model that is ready to serve. */
export interface ServedModel {
  /** Entities it was trained with; null where it makes no difference between any. */
  readonly vocabulary: ReadonlySet<string> | null;
  /**
   * @returns one forecast per context
   * @throws as `ForecastModel.forecast`
   */
  forecast(contexts: readonly Float32Array[], spec: ForecastSpec): Promise<SeriesForecast[]>;
  release(): Promise<void>;
}

/** Where models live. */
export interface ModelHost {
  /** @throws as `openFamily` */
  open(family: string, path: string | undefined): Promise<ServedModel>;
  close(): Promise<void>;
}

interface Place {
  readonly thread: ModelThread;
  readonly model: number;
  readonly vocabulary: readonly string[] | null;
}

/**
 * Models live in worker threads, so that loading, fitting and inference never stall the thread that answers requests;
 * a new one goes to the thread with the fewest, so that what is served goes on while its successor loads. A thread
 * that dies is replaced, and its models are opened anew at their next forecast.
 */
export class ThreadedModelHost implements ModelHost {
  private readonly threads: ModelThread[];
  private nextModel = 1;

  /** @param size threads; they start at once and wait */
  constructor(size: number) {
    this.threads = Array.from({ length: size }, () => new ModelThread());
  }

  async open(family: string, path: string | undefined): Promise<ServedModel> {
    let place = await this.place(family, path);
    let moving: Promise<Place> | undefined;
    /** Where it is open: anew, and once for all who ask meanwhile, when its thread has died. */
    const opened = async () => {
      if (!place.thread.dead) return place;
      moving ??= this.place(family, path).finally(() => {
        moving = undefined;
      });
      place = await moving;
      return place;
    };
    return {
      vocabulary: place.vocabulary === null ? null : new Set(place.vocabulary),
      forecast: async (contexts, spec) => {
        const { thread, model } = await opened();
        return thread.ask({ kind: "forecast", model, contexts, spec });
      },
      release: async () => {
        const { thread, model } = place;
        thread.models -= 1;
        if (thread.dead) return;
        await thread.ask({ kind: "release", model }).catch((error: unknown) => {
          if (!thread.dead) throw error; // else the model has gone with its thread
        });
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.close()));
  }

  private async place(family: string, path: string | undefined): Promise<Place> {
    this.threads.forEach((thread, i) => {
      if (thread.dead) this.threads[i] = new ModelThread();
    });
    const thread = this.threads.reduce((least, each) => (each.models < least.models ? each : least));
    const model = this.nextModel++;
    thread.models += 1;
    try {
      const { vocabulary } = await thread.ask({ kind: "open", model, family, path });
      return { thread, model, vocabulary };
    } catch (error) {
      thread.models -= 1;
      throw error;
    }
  }
}

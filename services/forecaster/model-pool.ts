import type { Bus } from "../../shared/bus/bus.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { ModelHost, ServedModel } from "./model-host.ts";

interface Shared {
  readonly model: Promise<ServedModel>;
  users: number;
}

/** Models by content: forecasters that run the same artifact share one session. */
export class ModelPool {
  private readonly artifacts: Pick<Bus["artifacts"], "fetch">;
  private readonly host: ModelHost;
  private readonly open = new Map<string, Shared>();

  constructor(artifacts: Pick<Bus["artifacts"], "fetch">, host: ModelHost) {
    this.artifacts = artifacts;
    this.host = host;
  }

  /** Models that are loaded or loading. */
  get size(): number {
    return this.open.size;
  }

  /**
   * The model of a live config. Who acquired it releases it, once; with its last user it is freed.
   *
   * @throws as `ArtifactStore.fetch` and `openFamily`; then there is nothing to release
   */
  async acquire({ model: family, artifact }: Pick<LiveConfig, "model" | "artifact">): Promise<ServedModel> {
    const key = `${family}:${artifact}`;
    const shared = this.open.get(key) ?? { model: this.load(family, artifact), users: 0 };
    this.open.set(key, shared);
    shared.users += 1;
    const leave = async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      if (this.open.get(key) === shared) this.open.delete(key);
      await shared.model.then(
        (model) => model.release(),
        () => {},
      );
    };
    try {
      const model = await shared.model;
      return { ...model, release: leave };
    } catch (error) {
      await leave();
      throw error;
    }
  }

  private async load(family: string, artifact: string | null): Promise<ServedModel> {
    return this.host.open(family, artifact === null ? undefined : await this.artifacts.fetch(artifact));
  }
}

import { ForecasterSpec } from "./contracts/spec.ts";
import type { ServiceContext } from "./service.ts";

/** The applied specs, as the bucket `specs` has them now. A change takes effect without a restart. */
export class SpecStore {
  private readonly specs = new Map<string, { value: ForecasterSpec; revision: number }>();
  private readonly listeners = new Set<(forecaster: string) => void>();
  private stopWatch: () => void = () => {};

  async open({ bus }: Pick<ServiceContext, "bus">): Promise<this> {
    const watch = await bus.kv("specs", ForecasterSpec).watch(">", ({ key, value, revision }) => {
      if (value === null) this.specs.delete(key);
      else this.specs.set(key, { value, revision });
      for (const listener of this.listeners) listener(key);
    });
    this.stopWatch = () => watch.stop();
    return this;
  }

  get(forecaster: string): ForecasterSpec | undefined {
    return this.specs.get(forecaster)?.value;
  }

  all(): ForecasterSpec[] {
    return [...this.specs.values()].map(({ value }) => value);
  }

  /** Revision of the bucket that `get` answers from; 0 for an unknown forecaster. Goes into receipts. */
  revision(forecaster: string): number {
    return this.specs.get(forecaster)?.revision ?? 0;
  }

  onChange(listener: (forecaster: string) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  stop(): void {
    this.stopWatch();
  }
}

export function openSpecs(context: Pick<ServiceContext, "bus">): Promise<SpecStore> {
  return new SpecStore().open(context);
}

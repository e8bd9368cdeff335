import type { WindowRequest } from "../../shared/contracts/inference-buffer.ts";
import { ContextStore } from "./context-store.ts";
import { FleetStore } from "./fleet-store.ts";
import type { Accepted } from "./observations.ts";

/** New observations of one message that are forecast after one by one; more is a delivery of history. */
const MAX_BURST = 20;

/** Observations of the past that are worth keeping. */
export type IsGood = (ms: number, value: number) => boolean;

/** What a feed fills, and what it has to tell of what has arrived. */
export interface FeedMemory<Arrival> {
  /** Whose history the inference buffer is asked for. */
  readonly asked: Partial<WindowRequest>;
  /** Merges in the file of a window, as far as it is good. */
  addWindow(path: string, isGood: IsGood): Promise<void>;
  /** Undefined where nothing is newer than what was known. */
  take(accepted: readonly Accepted[]): Arrival | undefined;
}

/** Of one member of a series; tells the times of new newest observations, oldest first. */
export class MemberMemory implements FeedMemory<readonly number[]> {
  readonly store = new ContextStore();
  readonly asked: Partial<WindowRequest>;

  constructor(entity: string | undefined) {
    this.asked = { entity: entity ?? null };
  }

  async addWindow(path: string, isGood: IsGood): Promise<void> {
    const { readWindow } = await import("../../shared/history/window.ts");
    const { times, values } = await readWindow(path);
    const good = (_: number, i: number) => isGood(times[i]!, values[i]!);
    this.store.addHistory(times.filter(good), values.filter(good));
  }

  take(accepted: readonly Accepted[]): readonly number[] | undefined {
    const arrived = accepted
      .toSorted((a, b) => a.ms - b.ms)
      .filter(({ ms, value }) => this.store.add(ms, value));
    if (arrived.length === 0) return undefined;
    return arrived.map(({ ms }) => ms).slice(arrived.length > MAX_BURST ? -1 : 0);
  }
}

/** Of every entity of a series; tells the entities that have a new newest observation. */
export class FleetMemory implements FeedMemory<ReadonlySet<string>> {
  readonly store = new FleetStore();
  private readonly stepMs: number;
  private reachSteps: number;

  /** @param reachSteps how far back the history is asked for */
  constructor(stepMs: number, reachSteps: number) {
    this.stepMs = stepMs;
    this.reachSteps = reachSteps;
  }

  /** C-DAT-1 says who is learnt from; a forecast is due to everybody who is not retired. */
  get asked(): Partial<WindowRequest> {
    const days = Math.min(36_500, (this.reachSteps * this.stepMs) / 86_400_000);
    return { entities: "all", min_history: "1ms", min_samples: 0, incidents: "keep", days };
  }

  /** Has longer histories asked for from now on; false where they are as long already. */
  reach(steps: number): boolean {
    if (steps <= this.reachSteps) return false;
    this.reachSteps = steps;
    return true;
  }

  async addWindow(path: string, isGood: IsGood): Promise<void> {
    const { readEntityWindows } = await import("../../shared/history/window.ts");
    for (const { entity, times, values } of await readEntityWindows(path, this.store.room)) {
      const good = (_: number, i: number) => isGood(times[i]!, values[i]!);
      this.store.addHistory(entity, times.filter(good), values.filter(good));
    }
  }

  take(accepted: readonly Accepted[]): ReadonlySet<string> | undefined {
    const arrived = new Set<string>();
    for (const { entity, ms, value } of accepted)
      if (entity !== undefined && this.store.add(entity, ms, value)) arrived.add(entity);
    return arrived.size === 0 ? undefined : arrived;
  }
}

import { ContextStore, LONGEST_CONTEXT } from "./context-store.ts";

/** Silence, in the time of the data, after which an entity is retired. (C-FLT-3) */
const RETIRED_MS = 30 * 86_400_000;
const DAY_MS = 86_400_000;
/** Observations kept of all entities together: 16 bytes each. */
const BUDGET = 4_000_000;
/** Observations that each entity keeps however many there are; so there cannot be more of them than this leaves. */
const LEAST = 300;

/** Of the budget; the rest is room to grow in before it is shared out anew. */
const SHARED = 0.75;

/** One entity of a fleet. */
export interface Member {
  readonly entity: string;
  readonly store: ContextStore;
}

/**
 * The newest observations of every entity of a series, in bounded memory: four million in all. A fleet of 300 keeps
 * 8,192 of each; the larger it is the fewer, down to 300. Entities that were silent for 30 days behind the newest
 * observation are retired, and past 10,000 entities those that are silent longest.
 */
export class FleetStore {
  private readonly known = new Map<string, Member>();
  private readonly budget: number;
  private readonly most: number;
  private capacity = LONGEST_CONTEXT;
  private points = 0;
  private newestMs = -Infinity;
  private retiredAtMs = -Infinity;

  constructor(budget = BUDGET) {
    this.budget = budget;
    this.most = (SHARED * budget) / LEAST;
  }

  get size(): number {
    return this.known.size;
  }

  /** Time of the newest observation of any entity. */
  get newest(): number | undefined {
    return this.newestMs === -Infinity ? undefined : this.newestMs;
  }

  /** Observations that there is room for. */
  get room(): number {
    return SHARED * this.budget;
  }

  get(entity: string): Member | undefined {
    return this.known.get(entity);
  }

  /** In order of first sight. */
  members(): IterableIterator<Member> {
    return this.known.values();
  }

  /** Takes an observation in; true when it is newer than every one of its entity before. */
  add(entity: string, ms: number, value: number): boolean {
    const { store } = this.member(entity);
    return this.changed(store, ms, () => store.add(ms, value));
  }

  /** Takes history of an entity in, oldest first: what is known already stays. */
  addHistory(entity: string, times: ArrayLike<number>, values: ArrayLike<number>): void {
    if (times.length === 0) return;
    const { store } = this.member(entity);
    this.changed(store, times[times.length - 1]!, () => store.addHistory(times, values));
  }

  private member(entity: string): Member {
    const found = this.known.get(entity);
    if (found !== undefined) return found;
    const member = { entity, store: new ContextStore(this.capacity) };
    this.known.set(entity, member);
    return member;
  }

  private changed<T>(store: ContextStore, ms: number, change: () => T): T {
    const before = store.size;
    const result = change();
    this.points += store.size - before;
    this.newestMs = Math.max(this.newestMs, ms);
    if (this.newestMs >= this.retiredAtMs + DAY_MS) this.retire(this.newestMs - RETIRED_MS);
    if (this.points > this.budget || this.known.size > this.most) this.shrink();
    return result;
  }

  private retire(beforeMs: number): void {
    this.retiredAtMs = this.newestMs;
    for (const member of this.known.values())
      if (newestOf(member) < beforeMs) this.drop(member.entity, member.store);
  }

  private shrink(): void {
    if (this.known.size > this.most) {
      const bySilence = [...this.known.values()].sort((a, b) => newestOf(a) - newestOf(b));
      for (const { entity, store } of bySilence.slice(0, this.known.size - Math.floor(0.9 * this.most)))
        this.drop(entity, store);
    }
    const share = Math.floor((SHARED * this.budget) / Math.max(1, this.known.size));
    this.capacity = Math.min(this.capacity, share);
    this.points = 0;
    for (const { store } of this.known.values()) {
      store.limit(this.capacity);
      this.points += store.size;
    }
  }

  private drop(entity: string, store: ContextStore): void {
    this.known.delete(entity);
    this.points -= store.size;
  }
}

function newestOf({ store }: Member): number {
  return store.newest ?? -Infinity;
}

interface Held<T> {
  readonly value: T;
  readonly release: () => Promise<void>;
  users: number;
  retired: boolean;
}

/**
 * One pointer to what is served. Whoever uses it keeps what it got until it is done: a swap changes the pointer
 * at once, and the old value is released when its last user has ended.
 */
export class HotSwap<T> {
  private readonly onFailure: (error: unknown) => void;
  private current: Held<T> | undefined;
  private readonly releasing = new Set<Promise<void>>();

  /** @param onFailure a release has failed; what is served goes on */
  constructor(onFailure: (error: unknown) => void) {
    this.onFailure = onFailure;
  }

  get value(): T | undefined {
    return this.current?.value;
  }

  /** Runs `task` on what is current now; undefined when nothing is. */
  async use<R>(task: (value: T) => Promise<R>): Promise<R | undefined> {
    const held = this.current;
    if (held === undefined) return undefined;
    held.users += 1;
    try {
      return await task(held.value);
    } finally {
      held.users -= 1;
      if (held.retired && held.users === 0) this.free(held);
    }
  }

  swap(value: T, release: () => Promise<void>): void {
    const old = this.current;
    this.current = { value, release, users: 0, retired: false };
    this.retire(old);
  }

  /** Nothing is served from now on. */
  clear(): void {
    const old = this.current;
    this.current = undefined;
    this.retire(old);
  }

  /** Clears and resolves when everything was released that has no user. */
  async close(): Promise<void> {
    this.clear();
    while (this.releasing.size > 0) await Promise.all(this.releasing);
  }

  private retire(held: Held<T> | undefined): void {
    if (held === undefined) return;
    held.retired = true;
    if (held.users === 0) this.free(held);
  }

  private free(held: Held<T>): void {
    const release = held
      .release()
      .catch(this.onFailure)
      .finally(() => this.releasing.delete(release));
    this.releasing.add(release);
  }
}

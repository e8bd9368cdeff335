/** Runs tasks of one key one after the other; tasks of different keys do not wait for each other. */
export class KeyedQueue {
  private readonly tails = new Map<string, Promise<unknown>>();

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const turn = (this.tails.get(key) ?? Promise.resolve()).then(task, task);
    this.tails.set(key, turn);
    const forget = () => {
      if (this.tails.get(key) === turn) this.tails.delete(key);
    };
    turn.then(forget, forget);
    return turn;
  }

  /** Resolves when everything that was begun has ended. */
  async idle(): Promise<void> {
    while (this.tails.size > 0) await Promise.allSettled(this.tails.values());
  }
}

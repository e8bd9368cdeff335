/** Remembers the newest few values by key; one that cannot be made is not remembered. */
export class Recent<T> {
  private readonly entries = new Map<string, Promise<T>>();
  private readonly capacity: number;

  constructor(capacity = 4) {
    this.capacity = capacity;
  }

  get(key: string, make: () => Promise<T>): Promise<T> {
    const found = this.entries.get(key) ?? make();
    this.entries.delete(key);
    this.entries.set(key, found);
    found.catch(() => this.entries.delete(key));
    if (this.entries.size > this.capacity) this.entries.delete(this.entries.keys().next().value!);
    return found;
  }

  delete(key: string): void {
    this.entries.delete(key);
  }
}

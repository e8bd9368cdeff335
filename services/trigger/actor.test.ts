import { describe, expect, it } from "vitest";
import { StaleStateError } from "../../shared/errors.ts";
import { Actor } from "./actor.ts";
import type { Outgoing } from "./state.ts";

interface Counter {
  readonly count: number;
  readonly outbox: Outgoing[];
}

describe("an actor", () => {
  it("lets two processes decide one after the other on the newest state", async () => {
    const store = memory();
    const published: string[] = [];
    const [one, two] = [actor(store, published), actor(store, published)];
    await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : two).apply("f", count)));
    expect((await one.read("f")).count).toBe(10);
    expect(new Set(published).size).toBe(10);
  });

  it("decides anew on the newest state when it would do nothing on the one it saved last", async () => {
    const store = memory();
    const [one, two] = [actor(store, []), actor(store, [])];
    await one.apply("f", count);
    await two.apply("f", count);
    const seen: number[] = [];
    const nothing = (state: Counter) => {
      seen.push(state.count);
      return state;
    };
    expect((await one.apply("f", nothing)).count).toBe(2);
    expect(seen).toEqual([1, 2]);
  });

  it("publishes nothing that was not saved", async () => {
    const store = memory();
    const published: string[] = [];
    const failing = { ...store, update: () => Promise.reject(new Error("no space left")) };
    await expect(actor(failing, published).apply("f", count)).rejects.toThrow("no space left");
    expect(published).toEqual([]);
  });

  it("publishes what was saved and not published, at the next decision or by repair", async () => {
    for (const next of ["decision", "repair"] as const) {
      const store = memory();
      const published: string[] = [];
      const dying = actor(store, published, () => Promise.reject(new Error("killed")));
      await expect(dying.apply("f", count)).rejects.toThrow("killed");
      const heir = actor(store, published);
      if (next === "repair") await heir.repair("f");
      else await heir.apply("f", (state) => state);
      expect(published).toEqual(["event 1"]);
      expect((await store.get("f"))?.value).toEqual({ count: 1, outbox: [] });
      await heir.repair("f");
      expect(published).toEqual(["event 1"]);
    }
  });

  it("begins anew, and saves that, where the state in the bucket is not admitted", async () => {
    const store = memory();
    const one = actor(store, []);
    await one.apply("f", () => ({ count: -1, outbox: [] }));
    expect((await one.read("f")).count).toBe(0);
    expect((await store.get("f"))?.value.count).toBe(0);
    await one.apply("f", () => ({ count: -1, outbox: [] }));
    await one.apply("f", count);
    expect((await store.get("f"))?.value.count).toBe(1);
  });

  it("gives up on a state that others keep changing, so that the message is delivered again", async () => {
    const store = memory();
    const crowded = { ...store, update: () => Promise.reject(new StaleStateError("late again")) };
    await expect(actor(crowded, []).apply("f", count)).rejects.toThrow(StaleStateError);
  });
});

function count(state: Counter): Counter {
  const next = state.count + 1;
  const event = {
    specversion: "1.0",
    id: "",
    source: "test",
    type: "t",
    subject: "f",
    time: "",
    data: null,
  } as const;
  return { count: next, outbox: [{ subject: `event ${next}`, event }] };
}

function actor(
  bucket: ReturnType<typeof memory>,
  published: string[],
  publish: (outgoing: Outgoing) => Promise<void> = async ({ subject }) => {
    published.push(subject);
  },
) {
  const initial = async (): Promise<Counter> => ({ count: 0, outbox: [] });
  const admit = async (state: Counter) => (state.count < 0 ? undefined : state);
  return new Actor<Counter>({ bucket, key: (forecaster) => forecaster, initial, admit, publish });
}

/** Compare-and-set as the bucket does it. */
function memory() {
  let stored: { value: Counter; revision: number } | undefined;
  return {
    async get(_key: string) {
      return stored;
    },
    async update(key: string, value: Counter, revision: number) {
      if (revision !== (stored?.revision ?? 0)) throw new StaleStateError(`'${key}' was written since`);
      stored = { value, revision: revision + 1 };
      return stored.revision;
    },
  };
}

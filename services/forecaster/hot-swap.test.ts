import { describe, expect, it } from "vitest";
import { HotSwap } from "./hot-swap.ts";

const fail = (error: unknown) => {
  throw error;
};

describe("a hot swap", () => {
  it("goes on when a release fails, and tells of it", async () => {
    const failures: unknown[] = [];
    const live = new HotSwap<string>((error) => failures.push(error));
    const lost = new Error("its thread is gone");
    live.swap("old", () => Promise.reject(lost));
    live.swap("new", async () => {});
    expect(await live.use(async (value) => value)).toBe("new");
    await live.close();
    expect(failures).toEqual([lost]);
  });

  it("lets who uses the old value finish on it, then releases it once", async () => {
    const released: string[] = [];
    const release = (name: string) => async () => void released.push(name);
    const live = new HotSwap<string>(fail);
    live.swap("old", release("old"));
    const gate = Promise.withResolvers<void>();
    const users = [1, 2].map(() =>
      live.use(async (value) => {
        await gate.promise;
        return value;
      }),
    );
    live.swap("new", release("new"));
    expect(await live.use(async (value) => value)).toBe("new");
    expect(released).toEqual([]);
    gate.resolve();
    expect(await Promise.all(users)).toEqual(["old", "old"]);
    expect(released).toEqual(["old"]);
    await live.close();
    expect(released).toEqual(["old", "new"]);
    expect(await live.use(async (value) => value)).toBeUndefined();
  });

  it("releases after a task that throws", async () => {
    let released = 0;
    const live = new HotSwap<number>(fail);
    live.swap(1, async () => {
      released += 1;
    });
    const failing = live.use(async () => {
      throw new Error("no");
    });
    live.clear();
    await expect(failing).rejects.toThrow("no");
    expect(released).toBe(1);
  });
});

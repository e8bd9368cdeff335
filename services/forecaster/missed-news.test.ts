import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { Harness, serving, until } from "./forecaster.fixture.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

describe("what a forecaster misses", () => {
  it("of a deleted config: nothing, it waits for the next", async () => {
    await using harness = await Harness.on(nats, "deleted");
    await serving(harness);
    await harness.client.bus.kv("live-configs", LiveConfig).delete(harness.id);
    await until(async () => (await harness.health())?.status === "waiting");
    await expect(harness.predict()).rejects.toMatchObject({ code: 400 });
    const revision = await harness.putLive(2);
    await until(async () => (await harness.predict().catch(() => undefined))?.live_revision === revision);
  });

  it("of the committed writes is caught by reading the key", async () => {
    await using harness = await Harness.on(nats, "deaf");
    const { bus } = harness.context;
    // The republished messages are lost on the way; everything else is the real thing.
    const deaf = Object.create(bus, {
      subscribeCore: { value: () => ({ ready: Promise.resolve(), stop() {} }) },
    }) as typeof bus;
    const context = new Proxy(harness.context, {
      get: (target, name) => (name === "bus" ? bound(deaf, bus) : Reflect.get(target, name)),
    });
    await harness.spec();
    await harness.observe(10);
    await harness.start(context);
    const revision = await harness.putLive(1);
    await until(async () => (await harness.predict().catch(() => undefined))?.live_revision === revision);
    await harness.client.bus.kv("live-configs", LiveConfig).delete(harness.id);
    await until(async () => (await harness.health())?.status === "waiting");
  });

  it("while the server is killed is caught up with after the reconnect, without waiting for a timer", async () => {
    await using server = await startTestNats();
    await using harness = await Harness.on(server, "killed", { RETUNE_CONFIG_POLL: "1h" });
    await serving(harness);
    await server.kill9AndRestart();
    const revision = await harness.putLive(2);
    const next = await harness.observe(1);
    await until(async () => (await harness.predict().catch(() => undefined))?.live_revision === revision);
    await until(async () => (await harness.predictions()).at(-1)?.[0]?.issued_at === next);
  });

  it("while the server is killed in the middle of it all is no forecast: each observation has one", async () => {
    await using server = await startTestNats();
    await using harness = await Harness.on(server, "middle");
    await serving(harness);
    await until(async () => (await harness.predictions()).length === 1);
    const published: string[] = [];
    const publishing = (async () => {
      for (let i = 0; i < 40; i += 1) published.push(await harness.observe(1));
    })();
    await until(async () => published.length >= 10);
    await server.kill9AndRestart();
    await publishing;
    const forecasts = await until(async () => {
      const found = await harness.predictions();
      return found.at(-1)?.[0]?.issued_at === published.at(-1) && found;
    });
    expect(forecasts.slice(1).map(([record]) => record!.issued_at)).toEqual(published);
  });
});

function bound<T extends object>(outer: T, inner: T): T {
  return new Proxy(inner, {
    get(target, name) {
      if (Object.hasOwn(outer, name)) return Reflect.get(outer, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

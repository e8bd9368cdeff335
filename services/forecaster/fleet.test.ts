import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { Harness, TINY_BOLT, until } from "./forecaster.fixture.ts";

const HOUR_MS = 3_600_000;
const START = Date.parse("2024-12-20T00:00:00Z");
const at = (hour: number) => new Date(START + hour * HOUR_MS).toISOString();
const servers = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `server-${String(i + from).padStart(3, "0")}`);

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

/** Hours of telemetry of some servers, each with a level of its own. */
async function observe(harness: Harness, names: readonly string[], hours: readonly number[]): Promise<void> {
  const records = hours.flatMap((hour) =>
    names.map((entity, i) => ({
      ts: at(hour),
      entity,
      values: { value: 100 * (i + 1) + 5 * Math.sin(hour / 4) },
    })),
  );
  await harness.observeRaw(JSON.stringify(records));
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

async function fleet(harness: Harness, names: readonly string[], over: object = {}): Promise<void> {
  await harness.spec({ entities: "all", step: "1h", horizon: "3h", ...over });
  await observe(harness, names, range(0, 48));
}

/** Entities with the time of their newest published forecast. */
async function published(harness: Harness): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { entity = "", issued_at, step } of (await harness.predictions()).flat())
    if (step === 1) found.set(entity, [...(found.get(entity) ?? []), issued_at]);
  return found;
}

describe("a forecaster of a fleet (C-TRN-1, C-VAL-1)", () => {
  it("forecasts every entity after each of its observations with one model", async () => {
    await using harness = await Harness.on(nats, "every");
    const names = servers(7);
    await fleet(harness, names);
    const artifact = await harness.client.bus.artifacts.putFile(TINY_BOLT);
    const revision = await harness.putLive(1, { horizon: "3h", model: "chronos-bolt", artifact });
    await harness.start();
    await until(async () => (await published(harness)).size === 7);
    await observe(harness, names.slice(0, 4), [48]);
    const found = await until(async () => {
      const all = await published(harness);
      return all.get(names[3]!)?.length === 2 && all;
    });
    for (const [i, name] of names.entries())
      expect(found.get(name)).toEqual(i < 4 ? [at(47), at(48)] : [at(47)]);
    const records = (await harness.predictions()).flat();
    for (const { entity, mean, step, issued_at, target_ts, known_entity } of records) {
      const level = 100 * (names.indexOf(entity!) + 1);
      expect(Math.abs(mean - level)).toBeLessThan(30);
      expect(Date.parse(target_ts)).toBe(Date.parse(issued_at) + step * HOUR_MS);
      expect(known_entity).toBe(true);
    }
    const reply = await harness.predict({ entity: names[2] });
    expect(reply).toMatchObject({ live_revision: revision });
    expect(reply.predictions.map(({ entity, issued_at }) => [entity, issued_at])).toEqual(
      Array(3).fill([names[2], at(48)]),
    );
    expect(await harness.health()).toMatchObject({ status: "ok", fleet: { entities: 7, known: 7 } });
  });

  it("forecasts who joins later as soon as there is enough, and nobody long silent", async () => {
    await using harness = await Harness.on(nats, "joining");
    await fleet(harness, servers(2));
    await harness.putLive(1, { horizon: "3h" });
    await harness.start();
    await until(async () => (await published(harness)).size === 2);
    await observe(harness, servers(1, 5), range(48, 51));
    await observe(harness, servers(1, 5), [51]);
    const found = await until(async () => {
      const all = await published(harness);
      return all.has("server-005") && all;
    });
    expect(found.get("server-005")).toEqual([at(51)]);
    expect(await harness.health()).toMatchObject({ status: "ok", failures: 0 });
    await harness.putLive(2, { horizon: "3h" });
    await until(async () => (await harness.health())?.model_version === "v2");
    await observe(harness, servers(1, 5), [52]);
    const later = await until(async () => {
      const all = await published(harness);
      return all.get("server-005")?.length === 2 && all;
    });
    expect(later.get("server-000")).toEqual([at(47)]);
  });

  it("answers for an entity, and for all in pages; asked for neither or for nobody it says what is missing", async () => {
    await using harness = await Harness.on(nats, "asked");
    await fleet(harness, servers(7), { horizon: "300h" });
    const revision = await harness.putLive(1, { horizon: "300h" });
    await harness.start();
    await until(async () => (await harness.health())?.live_revision === revision);
    for (const [payload, message] of [
      [undefined, /fleet of 7 entities: expected an entity, or entities: all/],
      [{ entity: "nobody" }, /entity 'nobody' is unknown .* none of the 7/],
      [{ entity: "server-000", entities: "all" }, /either entity or entities: all/],
      [{ entities: "some" }, /"all"/],
    ] as const)
      await expect(harness.predict(payload)).rejects.toMatchObject({
        code: 400,
        message: expect.stringMatching(message),
      });
    const pages: string[][] = [];
    for (let after: string | undefined; ; ) {
      const { predictions, next } = await harness.predict({ entities: "all", after });
      pages.push(predictions.filter(({ step }) => step === 300).map(({ entity }) => entity!));
      if (next === null || next === undefined) break;
      after = next;
    }
    expect(pages).toEqual([servers(3), servers(3, 3), servers(1, 6)]);
  });

  it("publishes nothing twice when it is started again", async () => {
    await using harness = await Harness.on(nats, "fleet-again");
    await fleet(harness, servers(3));
    await harness.putLive(1, { horizon: "3h" });
    const first = await harness.start();
    await until(async () => (await published(harness)).size === 3);
    await harness.stop(first);
    await observe(harness, servers(1), [48]);
    await harness.start();
    const found = await until(async () => {
      const all = await published(harness);
      return all.get("server-000")?.length === 2 && all;
    });
    expect([...found.values()].map((times) => times.length)).toEqual([2, 1, 1]);
  });

  it("drops no request in 40 swaps and never serves an older revision after a newer (C-DEP-1)", async () => {
    await using harness = await Harness.on(nats, "fleet-swaps");
    const names = servers(6);
    await fleet(harness, names);
    let revision = await harness.putLive(1, { horizon: "3h" });
    await harness.start();
    let done = false;
    const answered = await Promise.all(
      names.map(async (entity) => {
        await until(async () => (await harness.predict({ entity }).catch(() => undefined)) !== undefined);
        return { entity, seen: [] as number[] };
      }),
    );
    const clients = answered.map(async ({ entity, seen }) => {
      while (!done) {
        const reply = await harness.predict({ entity });
        expect(reply.predictions).toHaveLength(3);
        seen.push(reply.live_revision);
      }
    });
    for (let swap = 1; swap <= 40; swap += 1) {
      const model = swap % 2 === 0 ? "seasonal-naive" : "last-value";
      revision = await harness.putLive(1 + swap, { horizon: "3h", model });
      if (swap % 4 === 0) await until(async () => answered.some(({ seen }) => seen.at(-1) === revision));
    }
    await until(async () => answered.every(({ seen }) => seen.at(-1) === revision));
    done = true;
    await Promise.all(clients);
    for (const { seen } of answered) expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });
});

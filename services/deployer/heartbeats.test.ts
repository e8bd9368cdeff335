import { describe, expect, it } from "vitest";
import type { Health } from "../../shared/contracts/telemetry.ts";
import { Heartbeats } from "./heartbeats.ts";

function beat(overrides: Partial<Health> = {}): Health {
  return {
    instance: "a",
    status: "ok",
    live_revision: 1,
    model_version: "v1",
    rss_mb: 80,
    latency_ms_p50: 3,
    failures: 0,
    loaded_at: null,
    ...overrides,
  };
}

describe("heartbeats", () => {
  it.each([
    ["within 20 s", [0], 20_000, true],
    ["after 20 s", [0], 20_001, false],
    ["within three usual gaps", [0, 30_000], 119_000, true],
    ["after three usual gaps", [0, 30_000], 121_000, false],
    ["a beat out of turn does not shorten the patience at once", [0, 30_000, 30_100], 110_000, true],
  ])("are fresh %s", (_, beats, now, fresh) => {
    const heartbeats = new Heartbeats();
    for (const atMs of beats) heartbeats.record("f", beat(), atMs);
    expect(heartbeats.of("f", now).map((each) => each.fresh)).toEqual([fresh]);
  });

  it("come one or several in a message, and invalid ones are left out", () => {
    const heartbeats = new Heartbeats();
    heartbeats.record(
      "f",
      [beat(), { instance: "broken" }, beat({ instance: "b", status: "degraded", error: "no" })],
      0,
    );
    heartbeats.record("f", "not a record", 0);
    expect(heartbeats.of("f", 0).map(({ instance, status }) => [instance, status])).toEqual([
      ["a", "ok"],
      ["b", "degraded"],
    ]);
    expect(heartbeats.of("g", 0)).toEqual([]);
  });

  it("are settled when every fresh instance serves the revision, at the latest at the deadline", async () => {
    const heartbeats = new Heartbeats();
    heartbeats.record("f", [beat(), beat({ instance: "b" })], Date.now());
    const order: string[] = [];
    const settled = heartbeats.settled("f", 2, Date.now() + 60_000).then(() => order.push("settled"));
    heartbeats.record("f", beat({ live_revision: 2 }), Date.now());
    order.push("one");
    await Promise.resolve();
    heartbeats.record("f", beat({ instance: "b", live_revision: 3 }), Date.now());
    await settled;
    expect(order).toEqual(["one", "settled"]);
    await heartbeats.settled("f", 99, Date.now() + 5);
    await heartbeats.settled("nobody", 1, Date.now() - 1);
  });
});

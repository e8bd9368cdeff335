import { describe, expect, it } from "vitest";
import { createLog } from "../../../shared/log.ts";
import { segmentFor } from "./segment.ts";
import { Sink } from "./sink.ts";

describe("the sink, reading from behind", () => {
  it("writes a stream of refused records in parts, and waits for a slow disk", async () => {
    const parts: number[] = [];
    let open = () => {};
    const disk = new Promise<void>((resolve) => {
      open = resolve;
    });
    const sink = new Sink({
      history: { append: async () => {} },
      quarantine: {
        append: async ({ refused }) => {
          await disk;
          parts.push(refused.splice(0).length);
        },
      },
      log: createLog({ LOG_LEVEL: "silent" }),
      reportHealth: () => {},
      flushMs: 60_000,
      flushRows: 10,
    });
    const refuse = (seq: number) => {
      const rules = { stream: "s", dayOf: () => "2025-01-01" };
      const segment = segmentFor(sink.segments, rules, "telemetry.observation.x", seq, 0);
      segment.refused.push({ stream: "s", seq, idx: 0, subject: "", arrived: "", reason: "", record: 1 });
    };
    for (let seq = 1; seq <= 10; seq++) {
      expect(sink.isFull).toBe(false);
      refuse(seq);
    }
    expect(sink.isFull).toBe(true);
    await sink.room();
    expect(sink.segments).toHaveLength(0);
    for (let seq = 11; seq <= 110; seq++) refuse(seq);
    let hasRoom = false;
    const room = sink.room().then(() => {
      hasRoom = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasRoom).toBe(false);
    open();
    await room;
    await sink.flush();
    expect(parts).toEqual([10, 100]);
    expect(sink.rows).toBe(0);
    refuse(111);
    await sink.room();
    expect(sink.segments).toHaveLength(0);
  });
});

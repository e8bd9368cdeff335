import { expect, it } from "vitest";
import { SeriesMemory } from "./series-memory.ts";

it("takes a metric that comes in a record of its own for a repeat only when that metric has come for the time", () => {
  const memory = new SeriesMemory(["cpu", "memory"]);
  const record = (minute: number, values: Record<string, number>) => ({
    ts: new Date(minute * 60_000).toISOString(),
    entity: "server",
    values,
  });
  for (let minute = 0; minute < 3; minute += 1) {
    for (const each of [record(minute, { cpu: minute }), record(minute, { memory: 16 })]) {
      expect(memory.repeats(each)).toBe(false);
      memory.accept(each);
      expect(memory.repeats(each)).toBe(true);
    }
    expect(memory.repeats(record(minute, { cpu: minute, memory: 16 }))).toBe(true);
    expect(memory.repeats(record(minute, { cpu: -1, memory: 16 }))).toBe(false);
  }
});

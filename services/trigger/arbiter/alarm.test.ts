import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../shared/clock.ts";
import { recordedLog } from "../../../test/support/context.ts";
import { Alarm } from "./alarm.ts";

describe("an alarm", () => {
  it("rings for each id when its time has come, in the order of the times, and once", async () => {
    const { clock, rung, alarm } = wound();
    alarm.set("late", 300);
    alarm.set("early", 100);
    await clock.advanceTo(99);
    expect(rung).toEqual([]);
    await clock.advanceTo(1_000);
    expect(rung).toEqual(["early at 100", "late at 300"]);
    await alarm.stop();
  });

  it("rings for what is past at once, for nothing that was taken back, and for the newest time of an id", async () => {
    const { clock, rung, alarm } = wound();
    alarm.set("past", -5);
    alarm.set("taken-back", 50);
    alarm.set("taken-back", null);
    alarm.set("moved", 50);
    alarm.set("moved", 70);
    await alarm.check();
    expect(rung).toEqual(["past at 0"]);
    await clock.advanceTo(100);
    expect(rung).toEqual(["past at 0", "moved at 70"]);
    await alarm.stop();
  });

  it("goes on after a failure, and with what is set while it rings", async () => {
    const { clock, rung, alarm, log } = wound();
    alarm.set("fails", 10);
    alarm.set("again", 10);
    await clock.advanceTo(100);
    expect(rung).toEqual(["again at 10", "again at 60"]);
    expect(log.lines).toMatchObject([{ level: "error", fields: { id: "fails" } }]);
    await alarm.stop();
  });

  it("is silent once stopped", async () => {
    const { clock, rung, alarm } = wound();
    alarm.set("a", 10);
    await alarm.stop();
    await clock.advanceTo(100);
    expect(rung).toEqual([]);
  });
});

function wound() {
  const clock = new VirtualClock(0);
  const log = recordedLog();
  const rung: string[] = [];
  const alarm: Alarm = new Alarm({ clock, log }, async (id) => {
    if (id === "fails") throw new Error("no answer");
    rung.push(`${id} at ${clock.now()}`);
    if (id === "again" && rung.length === 1) alarm.set("again", 60);
  });
  return { clock, log, rung, alarm };
}

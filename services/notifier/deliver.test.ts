import { describe, expect, it, vi } from "vitest";
import { message } from "../../shared/bus/message.ts";
import { VirtualClock } from "../../shared/clock.ts";
import { newEvent } from "../../shared/events.ts";
import { recordedLog } from "../../test/support/context.ts";
import { emailChannel } from "./channels/email.ts";
import { notifierConfig } from "./config.ts";
import { deliverOne } from "./deliver.ts";
import { startSmtp } from "./doors.fixture.ts";

vi.setConfig({ testTimeout: 30_000 });

const START = Date.parse("2025-01-13T02:30:00Z");

function raised(deliveries: number) {
  const data = {
    rule: "x",
    about: "f",
    severity: "high",
    message: "m",
    caused_by: [],
    evidence: { code_version: "test" },
  };
  const event = newEvent({
    source: "test",
    type: "dev.retune.alert.raised",
    subject: "f",
    timeMs: START,
    data,
  });
  return message({
    subject: "alert.raised.x.f",
    sequence: 3,
    time: new Date(START),
    deliveries,
    data: Buffer.from(JSON.stringify(event)),
  });
}

const HOUR_MS = 3_600_000;

describe("an alert that a server refuses with 550", () => {
  it.each([
    ["at its first attempt", 0, 1, "comes again"],
    ["for a quarter of an hour", 0.25, 21, "comes again"],
    ["for a day", 24, 1_400, "comes again"],
    ["for longer than a day", 24.1, 1_400, "is given up"],
    ["and that is read when it is older than a day", 48, 1, "comes again"],
    ["and that is read so late, for the fifteenth time", 48, 15, "is given up"],
    ["and whose time is in the future, for the fifteen hundredth time", -48, 1_500, "is given up"],
  ])("%s %s", async (_, hours, attempts, expected) => {
    const smtp = await startSmtp();
    smtp.refuse(true);
    const channel = emailChannel(
      notifierConfig({ SMTP_HOST: "127.0.0.1", SMTP_PORT: String(smtp.port), ALERT_EMAIL_TO: "a@b.c" }),
    );
    if (typeof channel === "string") throw new Error(channel);
    const desk = { clock: new VirtualClock(START + hours * HOUR_MS), log: recordedLog() };
    const counts = { delivered: 0, refused: 0, gave_up: 0 };
    const rules = [
      {
        rule: "x",
        when: { kind: "dead-letter" as const },
        severity: "high" as const,
        channels: ["email" as const],
      },
    ];
    const outcome = await deliverOne(channel, raised(attempts), desk, rules, counts).catch(
      (error: unknown) => error,
    );
    await smtp.stop();
    if (expected === "comes again") {
      expect(outcome).toMatchObject({ disposition: "retry" });
      expect(counts).toEqual({ delivered: 0, refused: 1, gave_up: 0 });
      return;
    }
    expect(outcome).toBeUndefined();
    expect(counts).toEqual({ delivered: 0, refused: 1, gave_up: 1 });
    expect(desk.log.lines).toMatchObject([
      {
        level: "error",
        message: expect.stringMatching(/given up: .*a@b.c \(550 mailbox unavailable\)/),
        fields: { channel: "email", attempts },
      },
    ]);
  });
});

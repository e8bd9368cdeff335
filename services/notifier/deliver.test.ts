import { describe, expect, it, vi } from "vitest";
import { message } from "../../shared/bus/message.ts";
import { VirtualClock } from "../../shared/clock.ts";
import { newEvent } from "../../shared/events.ts";
import { recordedLog } from "../../test/support/context.ts";
import { emailChannel } from "./channels/email.ts";
import { notifierConfig } from "./config.ts";
import { ATTEMPTS, deliverOne } from "./deliver.ts";
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

describe("an alert that a server refuses with 550", () => {
  it("comes again until its last attempt, then is given up with a line in the log", async () => {
    const smtp = await startSmtp();
    smtp.refuse(true);
    const channel = emailChannel(
      notifierConfig({ SMTP_HOST: "127.0.0.1", SMTP_PORT: String(smtp.port), ALERT_EMAIL_TO: "a@b.c" }),
    );
    if (typeof channel === "string") throw new Error(channel);
    const desk = { clock: new VirtualClock(START), log: recordedLog() };
    const counts = { delivered: 0, refused: 0, gave_up: 0 };
    const rules = [
      {
        rule: "x",
        when: { kind: "dead-letter" as const },
        severity: "high" as const,
        channels: ["email" as const],
      },
    ];
    await expect(deliverOne(channel, raised(ATTEMPTS - 1), desk, rules, counts)).rejects.toMatchObject({
      disposition: "retry",
    });
    await deliverOne(channel, raised(ATTEMPTS), desk, rules, counts);
    await smtp.stop();
    expect(counts).toEqual({ delivered: 0, refused: 2, gave_up: 1 });
    expect(desk.log.lines).toMatchObject([
      {
        level: "error",
        message: expect.stringMatching(/given up: .*550 mailbox unavailable/),
        fields: { channel: "email", attempts: ATTEMPTS },
      },
    ]);
  });
});

import { afterEach, describe, expect, it } from "vitest";
import { explain } from "../../../shared/errors.ts";
import { recordedLog } from "../../../test/support/context.ts";
import { notifierConfig } from "../config.ts";
import { startSmtp, startWebhook } from "../doors.fixture.ts";
import type { Channel, Delivery } from "./channel.ts";
import { emailChannel } from "./email.ts";
import { logChannel } from "./log.ts";
import { slackChannel } from "./slack.ts";

const delivery: Delivery = {
  id: "01946008-4d40-7000-8000-000000000001",
  time: "2025-01-13T02:31:00.000Z",
  alert: {
    rule: "rolled-back",
    about: "usdclp-7d",
    severity: "high",
    message: "Config rolled back - investigate root cause: version 4 was taken back (RMSE < 3 & > 2)",
    run_id: "01946008-4d40-7000-8000-000000000002",
    caused_by: [7],
    evidence: { code_version: "test" },
  },
};

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function on(channel: Channel | string): Channel {
  if (typeof channel === "string") throw new Error(channel);
  return channel;
}

const email = (port: number, env = {}) =>
  on(
    emailChannel(
      notifierConfig({
        SMTP_HOST: "127.0.0.1",
        SMTP_PORT: String(port),
        ALERT_EMAIL_TO: "ops@example.org, ana@example.org",
        ...env,
      }),
    ),
  );

describe("e-mail (A-DEP-4)", () => {
  it("carries the alert, and a Message-ID by which a repeat is recognised", async () => {
    const smtp = await startSmtp();
    closing.push(smtp.stop);
    await email(smtp.port).deliver(delivery);
    const [mail = ""] = smtp.mails;
    expect(mail).toMatch(/^From: Retune <retune@localhost>\r$/m);
    expect(mail).toMatch(/^To: ops@example.org, ana@example.org\r$/m);
    expect(mail).toMatch(/^Subject: \[HIGH\] usdclp-7d: Config rolled back - investigate root cause\r$/m);
    expect(mail).toContain(`Message-ID: <${delivery.id}@retune>`);
    expect(mail).toContain("version 4 was taken back (RMSE < 3 & > 2)");
    expect(mail).toContain(`retune why ${delivery.alert.run_id}`);
  });

  it("keeps a subject on one line, whatever the alert is about", async () => {
    const smtp = await startSmtp();
    closing.push(smtp.stop);
    await email(smtp.port).deliver({
      ...delivery,
      alert: { ...delivery.alert, about: "x\r\nBcc: evil@example.org" },
    });
    const [head] = smtp.mails[0]!.split("\r\n\r\n");
    expect(head).toContain("Subject: [HIGH] x Bcc: evil@example.org: Config rolled back");
    expect(head).not.toMatch(/^Bcc:/m);
  });

  it("rejects where the server refuses with 550, or is not there", async () => {
    const smtp = await startSmtp();
    smtp.refuse(true);
    const refusal = () => email(smtp.port).deliver(delivery).catch(explain);
    expect(await refusal()).toContain(
      "refused ops@example.org (550 mailbox unavailable), ana@example.org (550",
    );
    await smtp.stop();
    expect(await refusal()).toMatch(/did not take it: .*ECONNREFUSED/);
  });

  it("goes again to the addresses that were refused, and to no others, until all have it", async () => {
    const smtp = await startSmtp();
    closing.push(smtp.stop);
    const channel = email(smtp.port, {
      ALERT_EMAIL_TO: "ops@example.org, Ana <ana@example.org>, bo@example.org",
    });
    const other = { ...delivery, id: "01946008-4d40-7000-8000-000000000003" };
    smtp.greylist("ana@example.org", "bo@example.org");
    await expect(channel.deliver(delivery)).rejects.toMatchObject({
      disposition: "retry",
      message: "the mail server refused ana@example.org (450 greylisted), bo@example.org (450 greylisted)",
    });
    await expect(channel.deliver(delivery)).rejects.toThrow("refused ana@example.org (450 greylisted), bo@");
    smtp.greylist("bo@example.org");
    await expect(channel.deliver(delivery)).rejects.toThrow("refused bo@example.org (450 greylisted)");
    smtp.greylist();
    await channel.deliver(delivery);
    await channel.deliver(other);
    expect(smtp.takenFor).toEqual([
      ["ops@example.org"],
      ["ana@example.org"],
      ["bo@example.org"],
      ["ops@example.org", "ana@example.org", "bo@example.org"],
    ]);
    expect(new Set(smtp.mails.slice(0, 3).map((mail) => /^Message-ID: (.*)\r$/m.exec(mail)?.[1])).size).toBe(
      1,
    );
  });

  it.each([
    [{}, "SMTP_HOST is not set"],
    [{ SMTP_HOST: "mail" }, "ALERT_EMAIL_TO is not set"],
  ])("is off with %o", (env, missing) => {
    expect(emailChannel(notifierConfig(env))).toBe(missing);
  });
});

describe("the webhook", () => {
  it("gets Slack's message with its control characters escaped", async () => {
    const webhook = await startWebhook();
    closing.push(webhook.stop);
    await on(slackChannel(notifierConfig({ SLACK_WEBHOOK_URL: webhook.url }))).deliver(delivery);
    expect(webhook.texts[0]).toContain("*[HIGH] usdclp-7d: Config rolled back - investigate root cause*\n");
    expect(webhook.texts[0]).toContain("(RMSE &lt; 3 &amp; &gt; 2)");
  });

  it.each([
    ["answers 500", 500, "the webhook answered 500 no_service"],
    ["does not answer", 0, "the webhook did not answer"],
  ])("rejects without showing its address where it %s", async (_, status, message) => {
    const webhook = await startWebhook(status);
    closing.push(webhook.stop);
    const channel = on(slackChannel(notifierConfig({ SLACK_WEBHOOK_URL: webhook.url }), 100));
    const error = await channel.deliver(delivery).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ message });
    expect(String(error)).not.toContain(webhook.url);
  });

  it("is off without an address, and refuses one that is none without showing it", () => {
    expect(slackChannel(notifierConfig({}))).toBe("SLACK_WEBHOOK_URL is not set");
    expect(() => notifierConfig({ SLACK_WEBHOOK_URL: "secret-word" })).toThrow(
      /^environment variable SLACK_WEBHOOK_URL: expected a http or https address$/,
    );
  });
});

it.each([
  ["high", "error"],
  ["medium", "warn"],
  ["low", "info"],
  ["info", "info"],
] as const)("the log has an alert of severity %s at level %s", async (severity, level) => {
  const log = recordedLog();
  await logChannel(log).deliver({ ...delivery, alert: { ...delivery.alert, severity } });
  expect(log.lines).toMatchObject([{ level, message: delivery.alert.message }]);
});

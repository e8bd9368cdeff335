import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../../shared/clock.ts";
import { Alert, type DeadLetter } from "../../shared/contracts/alerts.ts";
import { CloudEvent } from "../../shared/contracts/envelope.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type Step, subjects } from "../../shared/contracts/subjects.ts";
import { newEvent } from "../../shared/events.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { ROOT, type RunningService } from "../../shared/service.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { startSmtp, startWebhook } from "./doors.fixture.ts";
import { service } from "./main.ts";
import { NotifierState, stateKey } from "./state.ts";

vi.setConfig({ testTimeout: 30_000 });

const START = Date.parse("2025-01-13T02:30:00Z");
const DAY = 86_400_000;

let nats: TestNats;
let context: TestContext;
let clock: VirtualClock;
let running: RunningService | undefined;
const closing: (() => PromiseLike<void>)[] = [];

beforeEach(async () => {
  clock = new VirtualClock(START);
  nats = await startTestNats(); // each its own: durable consumers remember
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  for (const close of closing.splice(0).reverse()) await close();
  await nats.stop();
});

async function open(env: NodeJS.ProcessEnv = {}, configs = join(ROOT, "configs")): Promise<void> {
  context = await testContext(nats, { name: "notifier", clock, env, configs });
  closing.push(() => context[Symbol.asyncDispose]());
}

async function start(): Promise<void> {
  running = await service.start(context);
}

async function eventually(holds: () => unknown, what: string): Promise<void> {
  for (let tries = 0; tries < 2_000; tries += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${what} did not happen; log: ${JSON.stringify(context.log.lines.slice(-5))}`);
}

async function publish(step: Step, forecaster: string, data: object = {}): Promise<number> {
  const run_id = newUuidV7();
  const about = { run_id, forecaster, caused_by: [], evidence: { code_version: "test" }, ...data };
  const event = newEvent({
    source: "test",
    type: `dev.retune.retrain.${step}`,
    subject: forecaster,
    timeMs: clock.now(),
    data: about,
  });
  return (await context.bus.publishOnce(subjects.step(step, forecaster, run_id), event)).sequence;
}

async function alertsOf(forecaster: string, verb: "raised" | "cleared" = "raised"): Promise<Alert[]> {
  const found: Alert[] = [];
  for await (const message of context.bus.read("DECISIONS", { filter: `alert.${verb}.*.${forecaster}` })) {
    found.push(Alert.parse(CloudEvent.parse(message.json()).data));
  }
  return found;
}

const failedDeployment = { stage: "deployment", cause: "ENOSPC", will_retry: false };

describe("from a step to a person", () => {
  it("raises once, tells every channel of the rule, and clears (A-ALR-1)", async () => {
    const [smtp, webhook] = [await startSmtp(), await startWebhook()];
    closing.push(smtp.stop, webhook.stop);
    await open({
      SMTP_HOST: "127.0.0.1",
      SMTP_PORT: String(smtp.port),
      ALERT_EMAIL_TO: "ops@example.org",
      SLACK_WEBHOOK_URL: webhook.url,
    });
    await start();
    const sequence = await publish("rolled-back", "a");
    await publish("verified", "a");
    await eventually(() => smtp.mails.length === 1 && webhook.texts.length === 1, "mail and message");
    await eventually(async () => (await alertsOf("a", "cleared")).length === 1, "clearing");
    expect(await alertsOf("a")).toMatchObject([
      { rule: "rolled-back", severity: "high", caused_by: [sequence], evidence: { code_version: "test" } },
    ]);
    expect(smtp.mails[0]).toContain("[HIGH] a: Config rolled back - investigate root cause");
  });

  it("counts rejections over a restart, and does not tell again what it told", async () => {
    const smtp = await startSmtp();
    closing.push(smtp.stop);
    await open({ SMTP_HOST: "127.0.0.1", SMTP_PORT: String(smtp.port), ALERT_EMAIL_TO: "ops@example.org" });
    await start();
    for (let i = 0; i < 2; i += 1)
      await publish("rejected", "b", { reasons: ["RMSE is 2 % better, expected 5 %"] });
    await running?.stop();
    await start();
    await publish("rejected", "b", { reasons: ["RMSE is 1 % better, expected 5 %"] });
    await eventually(() => smtp.mails.length === 1, "mail");
    await running?.stop();
    await start();
    await publish("deployed", "b");
    await eventually(() => smtp.mails.length === 2, "second mail");
    expect((await alertsOf("b")).map(({ rule }) => rule)).toEqual(["validation-failing", "deployed"]);
    expect(smtp.mails[0]).toContain("3 validations in a row");
  });

  it("notices that nothing was optimized for more than 30 days, once", async () => {
    await open();
    await context.bus
      .kv("specs", ForecasterSpec)
      .put("c", ForecasterSpec.parse({ forecaster: "c", series: "usdclp", horizon: "7d" }));
    await start();
    await clock.advanceTo(START + 30 * DAY);
    expect(await alertsOf("c")).toEqual([]);
    await clock.advanceTo(START + 32 * DAY);
    expect(await alertsOf("c")).toMatchObject([{ rule: "stale", severity: "low" }]);
    await publish("searched", "c", { optimization_time_seconds: 60 });
    await eventually(async () => (await alertsOf("c", "cleared")).length === 1, "clearing");
  });

  it("tells of staleness that fell due weeks before anybody looked", async () => {
    const smtp = await startSmtp();
    closing.push(smtp.stop);
    await open({ SMTP_HOST: "127.0.0.1", SMTP_PORT: String(smtp.port), ALERT_EMAIL_TO: "ops@example.org" });
    await context.bus
      .kv("specs", ForecasterSpec)
      .put("j", ForecasterSpec.parse({ forecaster: "j", series: "usdclp", horizon: "7d" }));
    await publish("searched", "j", { optimization_time_seconds: 60 });
    await clock.advanceTo(START + 60 * DAY);
    await start();
    const states = context.bus.kv("states", NotifierState);
    await eventually(() => states.get(stateKey("j")), "the step's turn");
    await clock.advanceTo(START + 60 * DAY + DAY / 12);
    await eventually(() => smtp.mails.length === 1, "mail");
    expect(smtp.mails[0]).toContain("[LOW] j: No triggers detected - system may be stale");
  });

  it("tells of a dead letter at once, and of a hundred more of its kind in one mail an hour later", async () => {
    const smtp = await startSmtp();
    closing.push(smtp.stop);
    await open({ SMTP_HOST: "127.0.0.1", SMTP_PORT: String(smtp.port), ALERT_EMAIL_TO: "ops@example.org" });
    await start();
    await bury("optimizer", 9);
    await eventually(() => smtp.mails.length === 1, "mail");
    expect(smtp.mails[0]).toContain("could not be processed by");
    for (let sequence = 10; sequence < 110; sequence += 1) await bury("optimizer", sequence);
    await bury("validator", 10);
    await eventually(() => smtp.mails.length === 2, "mail of the other consumer");
    expect(smtp.mails[1]).toContain("by 'validator'");
    await clock.advanceTo(START + 61 * 60_000);
    await eventually(() => smtp.mails.length === 3, "mail of the rest");
    expect(smtp.mails[2]?.replaceAll(/=\r\n/g, "")).toContain("100 more since");
    await clock.advanceTo(START + 3 * 3_600_000);
    expect(await alertsOf("DECISIONS-optimizer-retrain-accepted")).toHaveLength(2);
  });
});

/** A dead letter as the bus raises it. */
async function bury(durable: string, sequence: number): Promise<void> {
  const letter: DeadLetter = {
    rule: "dead-letter",
    about: "retrain.accepted.x.y",
    severity: "high",
    message: `message ${sequence} of DECISIONS could not be processed by '${durable}': broken`,
    caused_by: [sequence],
    evidence: { code_version: "test" },
    ...{ stream: "DECISIONS", durable, sequence, subject: "retrain.accepted.x.y", deliveries: 8 },
    ...{ error: "broken", payload: "", received_at: new Date(START).toISOString() },
  };
  const type = "dev.retune.alert.raised";
  const event = newEvent({ source: "test", type, subject: "dead-letter", timeMs: clock.now(), data: letter });
  await context.bus.publishOnce(
    subjects.alert("raised", "dead-letter", `DECISIONS-${durable}-${sequence}`),
    event,
  );
}

describe("a channel that refuses", () => {
  it("is tried again, loses nothing, and holds up neither other alerts nor other channels", async () => {
    const [smtp, webhook] = [await startSmtp(), await startWebhook(500)];
    closing.push(smtp.stop, webhook.stop);
    await open({
      SMTP_HOST: "127.0.0.1",
      SMTP_PORT: String(smtp.port),
      ALERT_EMAIL_TO: "ops@example.org",
      SLACK_WEBHOOK_URL: webhook.url,
    });
    await start();
    smtp.refuse(true);
    await publish("rolled-back", "d");
    await publish("failed", "d", failedDeployment);
    await eventually(() => smtp.attempts() >= 2, "an attempt for each alert");
    await eventually(() => webhook.texts.length === 1, "the webhook's turn, at its second attempt");
    expect(smtp.mails).toEqual([]);
    smtp.refuse(false);
    await eventually(() => smtp.mails.length === 2, "both mails");
    expect(webhook.attempts()).toBe(2);
    const ids = smtp.mails.map((mail) => /^Message-ID: (.*)\r$/im.exec(mail)?.[1]);
    expect(new Set(ids).size).toBe(2);
  });

  it("that nobody set up is off, and says so once", async () => {
    await open();
    await start();
    await publish("rolled-back", "e");
    await eventually(
      () =>
        context.log.lines.some(
          ({ message, fields }) => fields.about === "e" && message.includes("Config rolled back"),
        ),
      "line in the log",
    );
    expect(
      context.log.lines
        .filter(({ message }) => message === "channel is off")
        .map(({ fields }) => fields.missing),
    ).toEqual(["SMTP_HOST is not set", "SLACK_WEBHOOK_URL is not set"]);
  });
});

describe("what is not news", () => {
  it("is not delivered: alerts older than a week", async () => {
    const smtp = await startSmtp();
    closing.push(smtp.stop);
    await open({ SMTP_HOST: "127.0.0.1", SMTP_PORT: String(smtp.port), ALERT_EMAIL_TO: "ops@example.org" });
    await publish("rolled-back", "f");
    await clock.advanceTo(START + 8 * DAY);
    await start();
    await publish("rolled-back", "g");
    await eventually(() => smtp.mails.length === 1, "mail");
    expect(smtp.mails[0]).toContain("About: g");
    expect(await alertsOf("f")).toHaveLength(1);
  });

  it("garbage on an alert's subject is left out and stops nothing", async () => {
    await open();
    await start();
    await context.bus.store("alert.raised.rolled-back.h", "not json", newUuidV7());
    await eventually(
      () => context.log.lines.some(({ message }) => message.startsWith("no alert can be read")),
      "warning",
    );
  });
});

describe("without usable rules", () => {
  it("starts and warns where there is no file", async () => {
    await open({}, "/nonexistent");
    await start();
    expect(context.log.lines.map(({ message }) => message)).toContain("no alert rules: nobody is alerted");
  });
});

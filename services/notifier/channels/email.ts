import { createTransport } from "nodemailer";
import type { NotifierConfig } from "../config.ts";
import { type Channel, text, title } from "./channel.ts";

/** Times a server has to be reached, to greet, and to answer. */
const LIMITS_MS = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 } as const;

/**
 * E-mail by SMTP (A-DEP-4). The Message-ID derives from the alert's id, so mail programs and servers can tell a
 * repeat. Which setting is missing, as a string, where the channel is off.
 */
export function emailChannel(config: NotifierConfig): Channel | string {
  const {
    SMTP_HOST: host,
    SMTP_SECURE,
    SMTP_USER: user,
    SMTP_PASSWORD: pass,
    ALERT_EMAIL_TO: to,
    ALERT_EMAIL_FROM: from,
  } = config;
  if (host === undefined) return "SMTP_HOST is not set";
  if (to === undefined) return "ALERT_EMAIL_TO is not set";
  const secure = SMTP_SECURE === "true";
  const transport = createTransport({
    host,
    port: config.SMTP_PORT ?? (secure ? 465 : 587),
    secure,
    ...(user === undefined ? {} : { auth: { user, pass: pass ?? "" } }),
    ...LIMITS_MS,
  });
  return {
    name: "email",
    async deliver(delivery) {
      const messageId = `<${delivery.id}@retune>`;
      const headers = { "X-Retune-Alert": delivery.id, "Auto-Submitted": "auto-generated" };
      await transport.sendMail({
        from,
        to,
        subject: title(delivery),
        text: text(delivery),
        messageId,
        date: new Date(delivery.time),
        headers,
      });
    },
  };
}

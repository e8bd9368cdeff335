import { createTransport, type NodemailerError } from "nodemailer";
import { UnavailableError } from "../../../shared/errors.ts";
import type { NotifierConfig } from "../config.ts";
import { type Channel, text, title } from "./channel.ts";

/** Times a server has to be reached, to greet, and to answer. */
const LIMITS_MS = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 } as const;
/** Alerts of which it is remembered who still lacks them; the oldest is forgotten first. */
const REMEMBERED = 1_000;

type Envelope = { readonly from: string | false; readonly to: string[] };

/**
 * E-mail by SMTP (A-DEP-4). The Message-ID derives from the alert's id, so mail programs and servers can tell a
 * repeat. A server that takes a mail for some addresses only counts as one that refuses; told again, the alert
 * goes to the addresses that were refused. Which setting is missing, as a string, where the channel is off.
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
  // Of this process: after a restart those who have an alert may get it again, with the same Message-ID.
  const lacking = new Map<string, Envelope>();
  return {
    name: "email",
    async deliver(delivery) {
      const { id } = delivery;
      const again = lacking.get(id);
      const { envelope, rejectedErrors = [] } = await transport
        .sendMail({
          from,
          to,
          ...(again === undefined ? {} : { envelope: again }),
          subject: title(delivery),
          text: text(delivery),
          messageId: `<${id}@retune>`,
          date: new Date(delivery.time),
          headers: { "X-Retune-Alert": id, "Auto-Submitted": "auto-generated" },
        })
        .catch((cause: NodemailerError) => {
          throw new UnavailableError(refused(cause.rejectedErrors ?? []), { cause });
        });
      lacking.delete(id);
      if (rejectedErrors.length === 0) return;
      lacking.set(id, {
        from: envelope.from,
        to: rejectedErrors.flatMap(({ recipient }) => recipient ?? []),
      });
      if (lacking.size > REMEMBERED) lacking.delete(lacking.keys().next().value!);
      throw new UnavailableError(refused(rejectedErrors));
    },
  };
}

/** `the mail server refused a@example.org (450 greylisted)`; without addresses it refused, or failed, altogether. */
function refused(errors: readonly NodemailerError[]): string {
  const whom = errors.map(({ recipient, response, message }) => `${recipient} (${response ?? message})`);
  return whom.length === 0 ? "the mail server did not take it" : `the mail server refused ${whom.join(", ")}`;
}

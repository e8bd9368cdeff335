import { z } from "zod";
import { Duration } from "../../shared/contracts/duration.ts";
import { readEnv } from "../../shared/env.ts";
import { InvalidInputError } from "../../shared/errors.ts";

/** Settings of the notifier, from its environment. What is unset switches its channel off. */
export const NotifierConfig = z.object({
  SMTP_HOST: z.string().optional(),
  SMTP_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  SMTP_SECURE: z.enum(["true", "false"]).default("false"),
  SMTP_USER: z.string().optional(),
  SMTP_PASSWORD: z.string().optional(),
  ALERT_EMAIL_FROM: z.string().default("Retune <retune@localhost>"),
  ALERT_EMAIL_TO: z.string().optional(),
  SLACK_WEBHOOK_URL: z.string().optional(),
  /** How long dead letters are counted after people were told of one of their kind. */
  ALERT_DEAD_LETTER_WINDOW: Duration.default("1h"),
});
export type NotifierConfig = z.infer<typeof NotifierConfig>;

/** @throws {InvalidInputError} naming the variable; never its value where that is a secret */
export function notifierConfig(env: NodeJS.ProcessEnv): NotifierConfig {
  const config = readEnv(env, NotifierConfig);
  const { SLACK_WEBHOOK_URL: webhook } = config;
  if (webhook !== undefined && !/^https?:$/.test(URL.parse(webhook)?.protocol ?? "")) {
    throw new InvalidInputError("environment variable SLACK_WEBHOOK_URL: expected a http or https address");
  }
  return config;
}

import { UnavailableError } from "../../../shared/errors.ts";
import type { NotifierConfig } from "../config.ts";
import { type Channel, text, title } from "./channel.ts";

const LIMIT_MS = 10_000;

/**
 * A webhook that takes Slack's messages. The address is a secret: no error of this channel shows it. Which
 * setting is missing, as a string, where the channel is off.
 */
export function slackChannel(
  { SLACK_WEBHOOK_URL: url }: NotifierConfig,
  limitMs = LIMIT_MS,
): Channel | string {
  if (url === undefined) return "SLACK_WEBHOOK_URL is not set";
  return {
    name: "slack",
    async deliver(delivery) {
      const body = JSON.stringify({ text: `*${escaped(title(delivery))}*\n${escaped(text(delivery))}` });
      const headers = { "content-type": "application/json" };
      const answer = await fetch(url, {
        method: "POST",
        headers,
        body,
        signal: AbortSignal.timeout(limitMs),
      }).catch((cause: unknown) => {
        throw new UnavailableError("the webhook did not answer", { cause });
      });
      const said = (await answer.text().catch(() => "")).slice(0, 200);
      if (!answer.ok) throw new UnavailableError(`the webhook answered ${answer.status} ${said}`.trim());
    },
  };
}

/** Slack's three control characters. */
function escaped(plain: string): string {
  return plain.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

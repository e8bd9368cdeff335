import { InvalidInputError } from "../errors.ts";

export interface ServerUrls {
  readonly servers: readonly string[]; // scheme, host and port; never a secret
  readonly tls: boolean; // some URL asked for it by its scheme
  readonly user?: string;
  readonly password?: string;
}

/**
 * Splits what `NATS_URL` may hold: one or several `[nats://|tls://][user[:password]@]host[:port]`,
 * separated by commas. User and password are those of the first URL that has them.
 *
 * @param origin where the text came from, for the error message
 * @throws {InvalidInputError} no host, a port outside 1..65535, or a scheme other than nats and tls;
 *   the message leaves out user and password
 */
export function parseServers(text: string, origin: string): ServerUrls {
  const urls = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => parseServer(part, origin));
  if (urls.length === 0) throw new InvalidInputError(`${origin}: '${text}' names no server`);
  const withUser = urls.find((url) => url.username !== "");
  return {
    servers: urls.map((url) => `${url.protocol}//${url.hostname}:${url.port || "4222"}`),
    tls: urls.some((url) => url.protocol === "tls:"),
    ...(withUser ? { user: decodeURIComponent(withUser.username) } : {}),
    ...(withUser?.password ? { password: decodeURIComponent(withUser.password) } : {}),
  };
}

function parseServer(text: string, origin: string): URL {
  const whole = text.includes("://") ? text : `nats://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url && ["nats:", "tls:"].includes(url.protocol) && url.hostname && url.port !== "0") return url;
  const shown = text.replace(/[^/@]*@/, "***@");
  throw new InvalidInputError(`${origin}: '${shown}' is not a NATS URL such as nats://127.0.0.1:4222`);
}

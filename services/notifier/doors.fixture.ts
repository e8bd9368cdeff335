import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

/**
 * A real SMTP server of this process, which keeps what it takes, and for whom. `refuse` makes it answer 550,
 * `greylist` answer 450 for these addresses.
 */
export async function startSmtp(): Promise<{
  port: number;
  mails: string[];
  takenFor: string[][];
  attempts: () => number;
  refuse: (yes: boolean) => void;
  greylist: (...addresses: string[]) => void;
  stop(): Promise<void>;
}> {
  const mails: string[] = [];
  const takenFor: string[][] = [];
  let greylisted: readonly string[] = [];
  let [refusing, attempts] = [false, 0];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onRcptTo({ address }, _session, callback) {
      attempts += 1;
      if (refusing) callback(Object.assign(new Error("mailbox unavailable"), { responseCode: 550 }));
      else if (greylisted.includes(address))
        callback(Object.assign(new Error("greylisted"), { responseCode: 450 }));
      else callback();
    },
    onData(stream, { envelope }, callback) {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        mails.push(decode(Buffer.concat(parts).toString("utf8")));
        takenFor.push(envelope.rcptTo.map(({ address }) => address));
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const refuse = (yes: boolean) => {
    refusing = yes;
  };
  const greylist = (...addresses: string[]) => {
    greylisted = addresses;
  };
  const stop = () => new Promise<void>((resolve) => server.close(resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    takenFor,
    attempts: () => attempts,
    refuse,
    greylist,
    stop,
  };
}

/** A real webhook of this process. Answers with the statuses given, then 200; 0 never answers. */
export async function startWebhook(
  ...statuses: number[]
): Promise<{ url: string; texts: string[]; attempts: () => number; stop(): Promise<void> }> {
  const texts: string[] = [];
  let attempts = 0;
  const server: Server = createServer((request, response) => {
    attempts += 1;
    const status = statuses.shift() ?? 200;
    let body = "";
    request.on("data", (part: Buffer) => {
      body += part.toString("utf8");
    });
    request.on("end", () => {
      if (status === 0) return;
      if (status === 200) texts.push((JSON.parse(body) as { text: string }).text);
      response.writeHead(status).end(status === 200 ? "ok" : "no_service");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    texts,
    attempts: () => attempts,
    stop,
  };
}

/** Quoted-printable, as far as ASCII needs it. */
function decode(mail: string): string {
  return mail.replaceAll("=\r\n", "").replaceAll("=3D", "=");
}

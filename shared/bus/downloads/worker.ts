/** A thread that copies artifacts from the object store into files, over a connection of its own. */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { Auth } from "@nats-io/transport-node";
import { UnavailableError } from "../../errors.ts";
import { told } from "../../told-errors.ts";
import { dial } from "../dial.ts";
import { SideLine } from "../side-line.ts";
import { downloadOver } from "./download.ts";
import type {
  DownloadNews,
  DownloadReply,
  DownloadRequest,
  DownloadSetup,
  IdentityReply,
} from "./messages.ts";

const IDENTITY_LIMIT_MS = 5_000;

const { settings, name, identity } = workerData as DownloadSetup;

const line = new SideLine(() =>
  dial(identity === undefined ? settings : { ...settings, authenticator: prove }, name),
);

/** Has the thread that started this one answer the server: the library wants the answer at once. */
function prove(nonce?: string): Auth {
  const { port, gate } = identity!;
  while (receiveMessageOnPort(port) !== undefined); // what came too late for the last nonce
  Atomics.store(gate, 0, 0);
  port.postMessage(nonce);
  Atomics.wait(gate, 0, 0, IDENTITY_LIMIT_MS);
  const reply = receiveMessageOnPort(port)?.message as IdentityReply | undefined;
  if (reply === undefined)
    throw new UnavailableError(`no credentials for '${name}' in ${IDENTITY_LIMIT_MS} ms`);
  if ("error" in reply) throw new UnavailableError(`no credentials for '${name}': ${reply.error}`);
  return reply.auth;
}

async function handle({ id, digest, path }: DownloadRequest): Promise<DownloadReply> {
  try {
    await downloadOver(() => line.open(), digest, path);
    return { id };
  } catch (error) {
    return { id, error: told(error) };
  }
}

parentPort!.postMessage("ready" satisfies DownloadNews);
parentPort!.on("message", async (request: DownloadRequest) => parentPort!.postMessage(await handle(request)));

import type { MessagePort } from "node:worker_threads";
import type { Auth, NodeConnectionOptions } from "@nats-io/transport-node";
import type { ToldError } from "../../told-errors.ts";

/** What a download thread starts with. */
export interface DownloadSetup {
  /** How to connect, but for the authenticator: functions and secrets stay where they are. */
  readonly settings: NodeConnectionOptions;
  readonly name: string;
  /** Where to ask for an answer to the server's nonce; absent where nobody has to. */
  readonly identity: { readonly port: MessagePort; readonly gate: Int32Array<SharedArrayBuffer> } | undefined;
}

export interface DownloadRequest {
  readonly id: number;
  readonly digest: string;
  readonly path: string;
}

export interface DownloadReply {
  readonly id: number;
  readonly error?: ToldError;
}

/** From a download thread; it is ready once, when its code is loaded. */
export type DownloadNews = "ready" | DownloadReply;

export type IdentityReply = { readonly auth: Auth } | { readonly error: string };

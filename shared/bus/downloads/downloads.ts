import { MessageChannel, Worker } from "node:worker_threads";
import type { NatsConnection } from "@nats-io/nats-core";
import type { Auth, NodeConnectionOptions } from "@nats-io/transport-node";
import { explain, UnavailableError } from "../../errors.ts";
import { revived } from "../../told-errors.ts";
import { ArtifactDamagedError, ArtifactMissingError } from "../artifact-errors.ts";
import type { SideLine } from "../side-line.ts";
import { downloadOver } from "./download.ts";
import type {
  DownloadNews,
  DownloadReply,
  DownloadRequest,
  DownloadSetup,
  IdentityReply,
} from "./messages.ts";

interface Call {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Chunks lie outside V8's heap: with a small young generation they are freed soon, before V8 goes through the whole
 * heap for them with threads that requests wait for. Node's defaults would hold tens of MB in reserve.
 */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

const ERRORS = { ArtifactDamagedError, ArtifactMissingError, UnavailableError };

/**
 * Downloads in a thread of low priority, so that a model of any size on its way costs requests little. Starting it takes
 * longer than most downloads, and few processes make more than one: where several share a folder, all find there what
 * one of them stored. So the thread starts after the first download, and whatever is asked before it is ready, or after
 * it died, is downloaded here.
 */
export class Downloads {
  private readonly settings: NodeConnectionOptions;
  private readonly name: string;
  private readonly line: SideLine;
  private readonly calls = new Map<number, Call>();
  private nextId = 1;
  private worker: Worker | undefined;
  private isReady = false;
  private closed = false;

  /**
   * @param name of the thread's connection
   * @param line for what is downloaded here
   */
  constructor(settings: NodeConnectionOptions, name: string, line: SideLine) {
    this.settings = settings;
    this.name = name;
    this.line = line;
  }

  /**
   * Writes an artifact to a file, which is there in part when this fails.
   *
   * @throws as `download`; {UnavailableError} when the thread died or is closed
   */
  async fetch(digest: string, path: string): Promise<void> {
    const { worker } = this;
    if (worker === undefined || !this.isReady) {
      await this.fetchHere(digest, path);
      if (!this.closed) this.worker ??= this.start();
      return;
    }
    const id = this.nextId++;
    await new Promise<void>((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, digest, path } satisfies DownloadRequest);
    });
  }

  /** Whether the next download goes to the thread. */
  get hasThread(): boolean {
    return this.isReady;
  }

  /** Ends the thread and what is under way in it. */
  async close(): Promise<void> {
    this.closed = true;
    this.isReady = false;
    await this.worker?.terminate();
  }

  private async fetchHere(digest: string, path: string): Promise<void> {
    try {
      await downloadOver(() => this.open(), digest, path);
    } catch (cause) {
      if (!this.closed) throw cause;
      throw new UnavailableError(`artifact ${digest}: the bus is closed`, { cause });
    }
  }

  private async open(): Promise<NatsConnection> {
    if (this.closed) throw new UnavailableError("the bus is closed");
    return this.line.open();
  }

  /** Undefined where the system has no thread left: what was downloaded is no worse for it. */
  private start(): Worker | undefined {
    try {
      return this.startThread();
    } catch {
      return undefined;
    }
  }

  private startThread(): Worker {
    const { authenticator, ...settings } = this.settings;
    const { port1, port2 } = new MessageChannel();
    const gate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const setup: DownloadSetup = {
      settings,
      name: this.name,
      identity: authenticator === undefined ? undefined : { port: port2, gate },
    };
    port1.on("message", (nonce: string | undefined) => {
      port1.postMessage(identify(authenticator, nonce));
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
    });
    const worker = new Worker(new URL("./thread.ts", import.meta.url), {
      workerData: setup,
      transferList: [port2],
      resourceLimits: LIMITS,
    });
    for (const each of [port1, worker]) each.unref();
    worker.on("message", (news: DownloadNews) => {
      if (news === "ready") this.isReady = true;
      else this.settle(news);
    });
    worker.on("error", (error) => this.lose(worker, explain(error)));
    worker.on("exit", (code) => {
      port1.close();
      this.lose(worker, this.closed ? "the bus is closed" : `exit code ${code}`);
    });
    return worker;
  }

  private settle({ id, error }: DownloadReply): void {
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (this.calls.size === 0) this.worker?.unref();
    if (error === undefined) call?.resolve();
    else call?.reject(revived(error, ERRORS));
  }

  private lose(worker: Worker, cause: string): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    this.isReady = false;
    const calls = [...this.calls.values()];
    this.calls.clear();
    for (const { reject } of calls) reject(new UnavailableError(`the thread of downloads ended: ${cause}`));
  }
}

function identify(
  authenticator: NodeConnectionOptions["authenticator"],
  nonce: string | undefined,
): IdentityReply {
  try {
    const parts = [authenticator ?? []].flat().map((each) => each(nonce));
    return { auth: Object.assign({}, ...parts) as Auth };
  } catch (error) {
    return { error: explain(error) };
  }
}

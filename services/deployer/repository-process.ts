import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { explain, UnavailableError } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import type { Answered, Asked } from "./git-process.ts";
import type { CommitRequest, Committed } from "./live-repository.ts";

const MODULE = fileURLToPath(new URL("./git-process.ts", import.meta.url));
const TRIES = 3;
/** Longer than a commit waits for locks and for a git that is silent. */
const ANSWER_LIMIT_MS = 180_000;
/** An idle process takes tens of megabytes; it ends after this long. */
const IDLE_MS = 60_000;

interface Pending {
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: Error) => void;
  readonly limit: NodeJS.Timeout;
}

/**
 * `LiveRepository` in a small process of its own. To start a program, the system copies the page tables of the process
 * that starts it: 10 ms for one of 400 MB, in which its event loop stands still. A small one takes 1 ms.
 *
 * The process starts with the first commit, which takes a tenth of a second, and anew after a death. It ends when it has
 * been idle for a minute, and with this process, which it does not keep alive.
 */
export class RepositoryProcess {
  private readonly root: string;
  private readonly settings: readonly string[];
  private readonly log: Log;
  private readonly pending = new Map<number, Pending>();
  private child: ChildProcess | undefined;
  private idle: NodeJS.Timeout | undefined;
  private nextId = 1;

  constructor(root: string, settings: readonly string[], log: Log) {
    this.root = root;
    this.settings = settings;
    this.log = log;
  }

  /** Process id, while it runs. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** As `LiveRepository.commit`. Where the process dies, the next one finds the commit or makes it. */
  async commit(request: CommitRequest): Promise<Committed> {
    const committed = await this.tryCommit(request);
    const { hash, warnings } = committed;
    if (hash === null)
      this.log.warn({ run: request.run, warnings }, "config is deployed without a git commit");
    return committed;
  }

  /** Ends it. Call it when nothing is being committed. */
  close(): void {
    clearTimeout(this.idle);
    const child = this.child;
    if (child?.connected) child.disconnect();
    this.lose(child, "it was closed");
  }

  private async tryCommit(request: CommitRequest): Promise<Committed> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.ask(request);
      } catch (error) {
        if (tries < TRIES) continue;
        return { hash: null, warnings: [`no git commit for run ${request.run}: ${explain(error)}`] };
      }
    }
  }

  private ask(request: CommitRequest): Promise<Committed> {
    this.child ??= this.fork();
    const { child } = this;
    clearTimeout(this.idle);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => child.kill("SIGKILL"), ANSWER_LIMIT_MS);
      this.pending.set(id, { resolve, reject, limit });
      child.ref();
      child.channel?.ref();
      child.send({ id, request } satisfies Asked, (error) => {
        if (error !== null) this.lose(child, error.message);
      });
    });
  }

  private fork(): ChildProcess {
    const child = fork(MODULE, [this.root, ...this.settings], {
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    child.on("message", (answer) => this.settle(answer as Answered));
    child.on("error", ({ message }) => this.lose(child, message));
    child.on("exit", (code, signal) => this.lose(child, `it ended with ${signal ?? `code ${code}`}`));
    return child;
  }

  private settle({ id, committed }: Answered): void {
    const call = this.pending.get(id);
    this.pending.delete(id);
    clearTimeout(call?.limit);
    if (this.pending.size === 0) this.rest();
    call?.resolve(committed);
  }

  private rest(): void {
    this.child?.unref();
    this.child?.channel?.unref();
    this.idle = setTimeout(() => this.close(), IDLE_MS).unref();
  }

  /** Rejects what the process had taken on. One that was replaced already has nothing left. */
  private lose(child: ChildProcess | undefined, why: string): void {
    if (child !== this.child) return;
    this.child = undefined;
    const calls = [...this.pending.values()];
    this.pending.clear();
    for (const { limit, reject } of calls) {
      clearTimeout(limit);
      reject(new UnavailableError(`the process that runs git was lost: ${why}`));
    }
  }
}

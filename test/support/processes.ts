import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../../shared/service.ts";

const RESTART_AFTER_MS = 200;

/** A process that ended though nobody asked it to. */
export interface Crash {
  readonly name: string;
  readonly code: number | null;
  readonly started: boolean; // it had come up before
  readonly log: string;
}

/**
 * A service in a process of its own, as `node services/<name>/main.ts` starts it. One that ends by itself, as one
 * does that finds no server while it starts, is started anew, as docker compose would; `crashes` remembers it.
 */
export class ServiceProcess {
  readonly name: string;
  readonly crashes: Crash[] = [];
  private readonly env: NodeJS.ProcessEnv;
  private child: ChildProcess | undefined;
  private wanted = false;
  private up = false;
  private tail = "";

  constructor(name: string, env: NodeJS.ProcessEnv) {
    this.name = name;
    this.env = { ...env, LOG_LEVEL: "info" }; // the log says when it has started
  }

  start(): void {
    const args = [
      join(ROOT, "services", this.name, "main.ts"),
      ...(this.name === "console" ? ["serve"] : []),
    ];
    this.wanted = true;
    this.up = false;
    const child = spawn(process.execPath, args, { env: this.env, stdio: ["ignore", "ignore", "pipe"] });
    this.child = child;
    child.stderr.on("data", (chunk: Buffer) => {
      const text = chunk.toString();
      if (text.includes('"msg":"started"')) this.up = true;
      this.tail = (this.tail + text).slice(-8_000);
    });
    child.once("exit", (code) => {
      if (!this.wanted || this.child !== child) return;
      this.crashes.push({ name: this.name, code, started: this.up, log: this.tail.slice(-2_000) });
      setTimeout(() => {
        if (this.wanted && this.child === child) this.start();
      }, RESTART_AFTER_MS);
    });
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** It runs and has said that it has started. */
  get started(): boolean {
    return this.running && this.up;
  }

  /** What it wrote to stderr last, for a failing test's message. */
  get log(): string {
    return this.tail;
  }

  async kill9(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Stops it in its tracks for a while, so that it wakes up as one whose work was given to another. */
  async freeze(ms: number): Promise<void> {
    const child = this.child;
    child?.kill("SIGSTOP");
    await sleep(ms);
    child?.kill("SIGCONT");
  }

  /** Ends in order; resolves with the exit code, null where the signal ended it before it could listen. */
  async stop(): Promise<number | null> {
    await this.end("SIGTERM");
    return this.child?.exitCode ?? null;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    this.wanted = false;
    const child = this.child;
    if (child === undefined || !this.running) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

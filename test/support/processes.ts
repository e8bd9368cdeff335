import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ROOT } from "../../shared/service.ts";

/** A service in a process of its own, as `node services/<name>/main.ts` starts it. */
export class ServiceProcess {
  readonly name: string;
  private readonly env: NodeJS.ProcessEnv;
  private child: ChildProcess | undefined;
  private tail = "";

  constructor(name: string, env: NodeJS.ProcessEnv) {
    this.name = name;
    this.env = env;
  }

  start(): void {
    const args = [
      join(ROOT, "services", this.name, "main.ts"),
      ...(this.name === "console" ? ["serve"] : []),
    ];
    this.child = spawn(process.execPath, args, { env: this.env, stdio: ["ignore", "ignore", "pipe"] });
    this.child.stderr?.on("data", (chunk: Buffer) => {
      this.tail = (this.tail + chunk.toString()).slice(-8_000);
    });
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What it wrote to stderr last, for a failing test's message. */
  get log(): string {
    return this.tail;
  }

  async kill9(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Ends in order; resolves with the exit code. */
  async stop(): Promise<number | null> {
    await this.end("SIGTERM");
    return this.child?.exitCode ?? null;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (child === undefined || !this.running) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

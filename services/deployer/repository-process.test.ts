import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { recordedLog } from "../../test/support/context.ts";
import { deployerConfig, gitSettings } from "./config.ts";
import { RepositoryProcess } from "./repository-process.ts";
import { isAlive } from "./stale-locks.ts";

vi.setConfig({ testTimeout: 30_000 });

let root: string;
let repository: RepositoryProcess;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "retune-git-process-"));
  repository = new RepositoryProcess(root, gitSettings(deployerConfig({})), recordedLog());
});
afterEach(async () => {
  repository.close();
  await rm(root, { recursive: true, force: true });
});

const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

async function commit(run: string) {
  await writeFile(join(root, "a.json"), run);
  return repository.commit({ path: "a.json", message: `${run}\n\nRetune-Run: ${run}`, run, rollback: false });
}

describe("the process that commits (A-DEP-3)", () => {
  it("answers with the commit's hash, or with a warning where git fails", async () => {
    expect(await commit("first")).toEqual({ hash: git("rev-parse", "HEAD"), warnings: [] });
    const hook = "#!/bin/sh\necho not today >&2\nexit 1\n";
    await writeFile(join(root, ".git/hooks/pre-commit"), hook, { mode: 0o755 });
    expect(await commit("second")).toEqual({
      hash: null,
      warnings: [expect.stringContaining("not today")],
    });
  });

  it("is started anew after it was killed", async () => {
    await commit("first");
    const { pid } = repository;
    process.kill(pid!, "SIGKILL");
    expect(await commit("second")).toEqual({ hash: git("rev-parse", "HEAD"), warnings: [] });
    expect(repository.pid).not.toBe(pid);
  });

  it("makes a commit once that was under way when it was killed", async () => {
    await commit("first");
    const started = join(root, ".git/started");
    const hook = `#!/bin/sh\ntouch '${started}'\nsleep 0.3\n`;
    await writeFile(join(root, ".git/hooks/pre-commit"), hook, { mode: 0o755 });
    const committed = commit("second");
    await vi.waitFor(() => expect(existsSync(started)).toBe(true), { timeout: 5_000 });
    process.kill(repository.pid!, "SIGKILL");
    expect(await committed).toEqual({ hash: git("rev-parse", "HEAD"), warnings: [] });
    expect(git("log", "--format=%s").split("\n")).toEqual(["second", "first"]);
  });

  it("ends when it has been idle for a minute, and is there again for the next commit", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      await commit("first");
      const pid = repository.pid!;
      vi.advanceTimersByTime(59_000);
      expect(repository.pid).toBe(pid);
      vi.advanceTimersByTime(1_000);
      expect(repository.pid).toBeUndefined();
      vi.useRealTimers();
      await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000 });
      expect((await commit("second")).hash).toBe(git("rev-parse", "HEAD"));
    } finally {
      vi.useRealTimers();
    }
  });

  it("ends when the deployer is killed", async () => {
    const module = new URL("./repository-process.ts", import.meta.url).href;
    const code = `const { RepositoryProcess } = await import("${module}");
      const repository = new RepositoryProcess(".", []);
      void repository.commit({ path: "a", message: "a", run: "a", rollback: false });
      console.log(repository.pid);
      setInterval(() => {}, 1_000);`;
    const deployer = spawn(process.execPath, ["--input-type=module", "--eval", code], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((resolve) => {
      deployer.stdout.once("data", (text) => resolve(Number(text)));
    });
    expect(isAlive(pid)).toBe(true);
    deployer.kill("SIGKILL");
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 });
  });
});

import { appendFile, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type SimpleGit, simpleGit } from "simple-git";
import { explain } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import { readTrailers } from "./commit-message.ts";
import type { DeployerConfig } from "./config.ts";
import { markCommitting, removeOwnStaleLocks } from "./stale-locks.ts";

/** What became of a commit. A failure is a warning: the deployment stands. (A-DEP-3) */
export interface Committed {
  readonly hash: string | null;
  readonly warnings: readonly string[];
}

export interface CommitRequest {
  /** Relative to the repository. Nothing else is committed, whatever is staged or changed. */
  readonly path: string;
  readonly message: string;
  readonly run: string;
  readonly rollback: boolean;
  /** Whether an earlier attempt may have made this commit already; then it is looked for first. */
  readonly repeated: boolean;
}

const LOCK_TRIES = 8;
const LOCK_PAUSE_MS = 150;
const SEARCHED_COMMITS = 1_000;
/** Git that says nothing for so long hangs, on a hook or a passphrase. */
const SILENCE_LIMIT_MS = 20_000;
const EXCLUDED = "backups/\n*.tmp\n";

/** `configs/live` as a git repository of its own. One git command at a time; never throws, never pushes. */
export class LiveRepository {
  private readonly root: string;
  private readonly config: DeployerConfig;
  private readonly log: Log;
  private queue: Promise<unknown> = Promise.resolve();
  private readonly tracked = new Set<string>();

  constructor(root: string, config: DeployerConfig, log: Log) {
    this.root = root;
    this.config = config;
    this.log = log;
  }

  commit(request: CommitRequest): Promise<Committed> {
    const turn = this.queue.then(() => this.commitNow(request));
    this.queue = turn;
    return turn;
  }

  private async commitNow(request: CommitRequest): Promise<Committed> {
    const warnings: string[] = [];
    for (let tries = 1; ; tries += 1) {
      try {
        return { hash: await this.tryCommit(request), warnings };
      } catch (error) {
        if (tries <= LOCK_TRIES && isLocked(error)) {
          await sleep(LOCK_PAUSE_MS);
          if (tries === LOCK_TRIES) warnings.push(...(await this.removeStaleLocks()));
          continue;
        }
        const cause = explain(error).trim().split("\n")[0];
        const missing = isGitMissing(error) ? " (is git installed?)" : "";
        this.log.warn({ err: error, run: request.run }, "config is deployed without a git commit");
        return {
          hash: null,
          warnings: [...warnings, `no git commit for run ${request.run}: ${cause}${missing}`],
        };
      }
    }
  }

  private async tryCommit(request: CommitRequest): Promise<string> {
    const { path, message } = request;
    const git = this.git();
    await this.initialise(git);
    if (request.repeated) {
      const found = await this.find(git, request);
      if (found !== undefined) return found;
    }
    const unmark = await markCommitting(await this.gitFolder());
    try {
      // Git commits a changed file by its path alone; one it does not know has to be added first.
      if (!this.tracked.delete(path)) await git.raw(["add", "--all", "--verbose", "--", path]);
      // Naming the path commits it alone and leaves what others have staged as it is.
      const { commit } = await git.commit(message, [path], { "--allow-empty": null });
      this.tracked.add(path);
      return commit === "" ? (await git.revparse(["HEAD"])).trim() : commit;
    } finally {
      await unmark();
    }
  }

  private git(): SimpleGit {
    const {
      RETUNE_GIT_AUTHOR_NAME: name,
      RETUNE_GIT_AUTHOR_EMAIL: email,
      RETUNE_GIT_SIGN: sign,
    } = this.config;
    return simpleGit({
      baseDir: this.root,
      config: [
        `user.name=${name}`,
        `user.email=${email}`,
        `commit.gpgsign=${sign}`,
        "init.defaultBranch=main",
        "maintenance.auto=false", // a commit must not wait for housekeeping
      ],
      completion: { onClose: true, onExit: false },
      timeout: { block: SILENCE_LIMIT_MS },
    });
  }

  /**
   * The folder lies inside the project's repository, so `.git` has to be its own, not a parent's. An unfinished
   * one is finished: a process may have died in `git init`, or be at it now; init may be repeated.
   */
  private async initialise(git: SimpleGit): Promise<void> {
    const gitFolder = await this.gitFolder();
    if (!gitFolder.startsWith(this.root)) return;
    for (let tries = 1; ; tries += 1) {
      if (await isRepository(gitFolder)) return;
      try {
        await git.init();
        break;
      } catch (error) {
        if (tries > LOCK_TRIES || isGitMissing(error)) throw error;
        await sleep(LOCK_PAUSE_MS); // two at it at the same time trip over each other's files
      }
    }
    const exclude = join(gitFolder, "info", "exclude");
    const known = await readFile(exclude, "utf8").catch(() => "");
    if (!known.includes(EXCLUDED)) await appendFile(exclude, EXCLUDED).catch(() => {});
  }

  private async find(git: SimpleGit, { run, rollback }: CommitRequest): Promise<string | undefined> {
    const log = await git
      .raw(["log", "-n", String(SEARCHED_COMMITS), "--format=%H%x1f%B%x1e"])
      .catch(() => ""); // no commit yet
    for (const entry of log.split("\u001e")) {
      const [hash = "", body = ""] = entry.trimStart().split("\u001f");
      const trailers = readTrailers(body);
      if (trailers?.run === run && trailers.rollback === rollback) return hash;
    }
    return undefined;
  }

  /** `.git`, or where that file points to in a worktree or submodule. */
  private async gitFolder(): Promise<string> {
    const path = join(this.root, ".git");
    const pointer = await readFile(path, "utf8").catch(() => undefined);
    return pointer === undefined ? path : resolve(this.root, pointer.replace(/^gitdir: /, "").trim());
  }

  private async removeStaleLocks(): Promise<string[]> {
    const removed = await removeOwnStaleLocks(await this.gitFolder()).catch(() => []);
    return removed.map((name) => `removed ${name}, which a killed deployer had left in the git repository`);
  }
}

/** Another git works in the repository at this moment: at the index, a branch, or the first `git init`. */
function isLocked(error: unknown): boolean {
  return /\.lock\b|lock ref|lock config/.test((error as Error).message);
}

async function isRepository(gitFolder: string): Promise<boolean> {
  const parts = await Promise.allSettled(
    ["HEAD", "config", "objects", "refs"].map((name) => stat(join(gitFolder, name))),
  );
  return parts.every(({ status }) => status === "fulfilled");
}

function isGitMissing(error: unknown): boolean {
  return (error as Error).message.includes("spawn git ENOENT");
}

import { existsSync } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { explain } from "../../shared/errors.ts";
import { lockCommits } from "./commit-lock.ts";
import { readTrailers } from "./commit-message.ts";
import { Git } from "./git.ts";
import { markCommitting, removeOwnStaleLocks } from "./stale-locks.ts";
import { textOf } from "./text-of.ts";

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
}

const LOCK_TRIES = 8;
const LOCK_PAUSE_MS = 150;
const SEARCHED_COMMITS = 1_000;
const EXCLUDED = "backups/\n*.tmp\n";

/** `configs/live` as a git repository of its own. One git command at a time; never throws, never pushes. */
export class LiveRepository {
  private readonly root: string;
  private readonly git: Git;
  private queue: Promise<unknown> = Promise.resolve();
  private readonly tracked = new Set<string>();
  /** Hashes of the commits of runs, as of the newest commit `head`. */
  private known = new Map<string, string>();
  private head: string | undefined;

  /** @param settings of git, as `gitSettings` gives them */
  constructor(root: string, settings: readonly string[]) {
    this.root = root;
    this.git = new Git(root, settings);
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
        return {
          hash: null,
          warnings: [...warnings, `no git commit for run ${request.run}: ${cause}${missing}`],
        };
      }
    }
  }

  private async tryCommit(request: CommitRequest): Promise<string> {
    await this.initialise();
    const gitFolder = this.gitFolder();
    const unlock = await lockCommits(gitFolder);
    try {
      const unmark = markCommitting(gitFolder);
      try {
        if (readHead(gitFolder) !== this.head) this.tracked.clear(); // another deployer may have removed files
        if (!this.tracked.has(request.path)) await this.add(request.path);
        await this.learn(gitFolder);
        return this.known.get(keyOf(request)) ?? (await this.make(request));
      } finally {
        unmark();
      }
    } finally {
      unlock();
    }
  }

  /**
   * Git commits a changed file by its path alone; one it does not know has to be added first. This fails while a git
   * that a killed process has left goes on with its commit, so what is learnt after it counts that commit.
   */
  private async add(path: string): Promise<void> {
    if (this.isThere(path)) await this.git.run("add", "--all", "--verbose", "--", path);
    else await this.git.run("rm", "--cached", "--ignore-unmatch", "--quiet", "--", path);
  }

  private isThere(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  private async make({ path, message, ...request }: CommitRequest): Promise<string> {
    this.tracked.delete(path);
    // Naming the path commits it alone and leaves what others have staged as it is.
    const said = await this.git.run("commit", "--allow-empty", `--message=${message}`, "--", path);
    if (this.isThere(path)) this.tracked.add(path); // git forgets what was removed
    const named = /^\[.*?([0-9a-f]{40,64})\]/m.exec(said)?.[1];
    const hash = named ?? (await this.git.run("rev-parse", "HEAD")).trim();
    this.known.set(keyOf(request), hash);
    this.head = hash;
    return hash;
  }

  /**
   * The folder lies inside the project's repository, so `.git` has to be its own, not a parent's. An unfinished
   * one is finished: a process may have died in `git init`, or be at it now; init may be repeated.
   */
  private async initialise(): Promise<void> {
    const gitFolder = this.gitFolder();
    if (!gitFolder.startsWith(this.root)) return;
    for (let tries = 1; ; tries += 1) {
      if (isRepository(gitFolder)) return;
      try {
        await this.git.run("init");
        break;
      } catch (error) {
        if (tries > LOCK_TRIES || isGitMissing(error)) throw error;
        await sleep(LOCK_PAUSE_MS); // two at it at the same time trip over each other's files
      }
    }
    this.tracked.clear(); // somebody may have removed the repository that knew them
    const exclude = join(gitFolder, "info", "exclude");
    const known = await readFile(exclude, "utf8").catch(() => "");
    if (!known.includes(EXCLUDED)) await appendFile(exclude, EXCLUDED).catch(() => {});
  }

  /** Looks which runs have their commits, unless nobody else has committed since the last time. */
  private async learn(gitFolder: string): Promise<void> {
    const head = readHead(gitFolder);
    if (head !== undefined && head === this.head) return;
    this.known = new Map();
    this.head = head;
    const asked = ["log", "-n", String(SEARCHED_COMMITS), "--format=%H%x1f%B%x1e"];
    const log = await this.git.run(...asked).catch(() => ""); // no commit yet
    for (const entry of log.split("\u001e").reverse()) {
      const [hash = "", body = ""] = entry.trimStart().split("\u001f");
      const trailers = readTrailers(body);
      if (trailers !== undefined) this.known.set(keyOf(trailers), hash);
    }
  }

  /** `.git`, or where that file points to in a worktree or submodule. */
  private gitFolder(): string {
    const path = join(this.root, ".git");
    const pointer = textOf(path);
    return pointer === undefined ? path : resolve(this.root, pointer.replace(/^gitdir: /, "").trim());
  }

  private async removeStaleLocks(): Promise<string[]> {
    const removed = await removeOwnStaleLocks(this.gitFolder()).catch(() => []);
    return removed.map((name) => `removed ${name}, which a killed deployer had left in the git repository`);
  }
}

function keyOf({ run, rollback }: Pick<CommitRequest, "run" | "rollback">): string {
  return `${run} ${rollback}`;
}

/** The newest commit; undefined where there is none, or where git keeps it in another form than a file of its own. */
function readHead(gitFolder: string): string | undefined {
  const text = (path: string) => textOf(join(gitFolder, path))?.trim();
  const head = text("HEAD");
  return head?.startsWith("ref: ") ? text(head.slice("ref: ".length)) : head;
}

/** Another git works in the repository at this moment: at the index, a branch, or the first `git init`. */
function isLocked(error: unknown): boolean {
  return /\.lock\b|lock ref|lock config/.test((error as Error).message);
}

function isRepository(gitFolder: string): boolean {
  return ["HEAD", "config", "objects", "refs"].every((name) => existsSync(join(gitFolder, name)));
}

function isGitMissing(error: unknown): boolean {
  return /ENOENT/.test((error as Error).message);
}

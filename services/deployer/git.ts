import { existsSync } from "node:fs";
import { type SimpleGit, simpleGit } from "simple-git";
import { UnavailableError } from "../../shared/errors.ts";

/** Git that says nothing for so long hangs, on a hook or a passphrase. */
const SILENCE_LIMIT_MS = 20_000;

/** Git in one folder, with settings that hold for each command. One command at a time. */
export class Git {
  private readonly root: string;
  private readonly settings: readonly string[];
  private git: SimpleGit | undefined;

  /** @param settings such as `user.name=…` */
  constructor(root: string, settings: readonly string[]) {
    this.root = root;
    this.settings = settings;
  }

  /**
   * What the command wrote.
   *
   * @throws {UnavailableError} when the folder is not there
   * @throws {GitError} of simple-git, when git fails, is not there, or is silent for 20 s
   */
  async run(...args: readonly string[]): Promise<string> {
    if (!existsSync(this.root)) throw new UnavailableError(`git: '${this.root}' is not there`);
    this.git ??= simpleGit({
      baseDir: this.root,
      config: [...this.settings],
      maxConcurrentProcesses: 1,
      completion: { onClose: true, onExit: false },
      timeout: { block: SILENCE_LIMIT_MS },
    });
    return this.git.raw([...args]);
  }
}

import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { Token } from "../../shared/contracts/subjects.ts";
import { RetuneError } from "../../shared/errors.ts";

/** The file system refused: no space, no permission, not a folder. */
export class LiveFolderError extends RetuneError {
  readonly disposition = "retry";
}

/** A file that is on the disk under a temporary name. */
export interface Staged {
  /** Gives it its name. Readers see the old content or the new, never a part. */
  rename(): Promise<void>;
  /** Has the disk keep the name. */
  sync(): Promise<void>;
  discard(): Promise<void>;
}

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;
const TEMPORARY = /^\..*\.tmp$/;
const LEFT_BEHIND_MS = 600_000;

/** `configs/live`: one file a forecaster, and their backups. (A-DEP-1, A-DEP-2, A-DEP-7) */
export class LiveFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The text of a forecaster's file, undefined where there is none. */
  async read(forecaster: string): Promise<string | undefined> {
    return this.readText(fileName(forecaster));
  }

  /** The forecasters that have a file. */
  async list(): Promise<string[]> {
    const names = await readdir(this.root).catch(() => []);
    return names.flatMap((name) => {
      const id = name.endsWith(".json") ? name.slice(0, -".json".length) : "";
      return Token.safeParse(id).success ? [id] : [];
    });
  }

  /** Puts the content on the disk, up to the rename. */
  async stage(forecaster: string, config: LiveConfig): Promise<Staged> {
    return this.stageText(fileName(forecaster), serialise(config));
  }

  async write(forecaster: string, config: LiveConfig): Promise<void> {
    await finish(await this.stage(forecaster, config));
  }

  async remove(forecaster: string): Promise<void> {
    await attempt(`cannot remove '${fileName(forecaster)}'`, async () => {
      await rm(join(this.root, fileName(forecaster)), { force: true });
      await syncFolder(this.root);
    });
  }

  /**
   * Backs up what a deployment replaces, as `backups/<forecaster>_YYYYMMDD_HHMMSS.json` in UTC. Repeating it
   * for the same deployment finds the backup that is there. A name that another config took in the same
   * second gives way to the next second.
   *
   * @param at       time of the approval, ISO-8601, so that a redelivery names the same file
   * @param previous the config that is replaced, null where none is live
   * @param text     what to keep: the file's text, or else the config's
   * @returns path relative to the folder
   * @throws {LiveFolderError} the backup could not be written or read back
   */
  async backUp(forecaster: string, at: string, previous: LiveConfig | null, text: string): Promise<string> {
    for (let time = Date.parse(at); ; time += 1_000) {
      const path = join("backups", backupName(forecaster, new Date(time)));
      const there = await this.readText(path);
      if (there === undefined) {
        await finish(await this.stageText(path, text));
        if ((await this.readText(path)) !== text)
          throw new LiveFolderError(`backup '${path}' does not read back as it was written`);
        return path;
      }
      if (there === text || (previous !== null && isSame(there, previous))) return path;
    }
  }

  /** Removes temporary files that a killed process left behind. */
  async sweep(nowMs: number): Promise<void> {
    for (const folder of [this.root, join(this.root, "backups")]) {
      for (const name of await readdir(folder).catch(() => [])) {
        if (!TEMPORARY.test(name)) continue;
        const path = join(folder, name);
        const found = await stat(path).catch(() => undefined);
        if (found !== undefined && nowMs - found.mtimeMs > LEFT_BEHIND_MS) await rm(path, { force: true });
      }
    }
  }

  private readText(path: string): Promise<string | undefined> {
    return attempt(`cannot read '${path}'`, () =>
      readFile(join(this.root, path), "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      }),
    );
  }

  private async stageText(path: string, text: string): Promise<Staged> {
    const target = join(this.root, path);
    const folder = dirname(target);
    const temporary = join(folder, `.${randomUUID()}.tmp`);
    const discard = () => rm(temporary, { force: true }).catch(() => {});
    const failure = `cannot write '${path}'`;
    await attempt(failure, async () => {
      if ((await mkdir(folder, { recursive: true, mode: FOLDER_MODE })) !== undefined)
        await chmod(folder, FOLDER_MODE);
      const file = await open(temporary, "wx", FILE_MODE);
      try {
        await file.writeFile(text);
        await file.chmod(FILE_MODE); // the umask had its word at open
        await file.sync();
      } finally {
        await file.close();
      }
    }).catch(async (error: unknown) => {
      await discard();
      throw error;
    });
    return {
      discard,
      rename: () =>
        attempt(failure, () => rename(temporary, target)).catch(async (error: unknown) => {
          await discard();
          throw error;
        }),
      sync: () => attempt(failure, () => syncFolder(folder)),
    };
  }
}

export function fileName(forecaster: string): string {
  return `${forecaster}.json`;
}

export function backupName(forecaster: string, at: Date): string {
  const [day, time] = at.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").split("T");
  return `${forecaster}_${day}_${time}.json`;
}

/** The file's text: equal configs give equal texts, in the order of the contract's fields. */
export function serialise(config: LiveConfig): string {
  return `${JSON.stringify(LiveConfig.parse(config), null, 2)}\n`;
}

function isSame(text: string, config: LiveConfig): boolean {
  try {
    const { version, run_id } = JSON.parse(text) as Partial<LiveConfig>;
    return version === config.version && run_id === config.run_id;
  } catch {
    return false;
  }
}

async function finish(staged: Staged): Promise<void> {
  await staged.rename();
  await staged.sync();
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function attempt<T>(failure: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof RetuneError) throw cause;
    throw new LiveFolderError(failure, { cause });
  }
}

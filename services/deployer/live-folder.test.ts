import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { APPROVED_AT, liveConfig } from "./deployer.fixture.ts";
import { LiveFolder, LiveFolderError, serialise } from "./live-folder.ts";

let root: string;
let folder: LiveFolder;
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "retune-live-")), "live");
  folder = new LiveFolder(root);
});
afterEach(() => rm(join(root, ".."), { recursive: true, force: true }));

const mode = async (path: string) => (await stat(join(root, path))).mode & 0o777;

describe("the folder of live configs", () => {
  it("has files of 0644 and a backups folder of 0755, whatever the umask (A-DEP-7)", async () => {
    const umask = process.umask(0o077);
    try {
      await folder.write("usdclp-7d", liveConfig());
      await folder.backUp("usdclp-7d", APPROVED_AT, null, "{}");
    } finally {
      process.umask(umask);
    }
    expect([
      await mode("usdclp-7d.json"),
      await mode("backups"),
      await mode("backups/usdclp-7d_20250113_023000.json"),
    ]).toEqual([0o644, 0o755, 0o644]);
  });

  it("shows readers the old content until the new one has its name (A-DEP-2)", async () => {
    const [old, next] = [liveConfig({ version: 1 }), liveConfig({ version: 2 })];
    await folder.write("usdclp-7d", old);
    const staged = await folder.stage("usdclp-7d", next);
    expect(await folder.read("usdclp-7d")).toBe(serialise(old));
    await staged.rename();
    await staged.sync();
    expect(await folder.read("usdclp-7d")).toBe(serialise(next));
    expect(await readdir(root)).toEqual(["usdclp-7d.json"]);
  });

  it("leaves nothing behind when the content is discarded", async () => {
    await (await folder.stage("usdclp-7d", liveConfig())).discard();
    expect(await readdir(root)).toEqual([]);
  });

  it("finds the backup of an earlier attempt and never overwrites one (A-DEP-1)", async () => {
    const [first, second] = [liveConfig({ version: 1 }), liveConfig({ version: 2 })];
    const backUp = (config: typeof first) =>
      folder.backUp("usdclp-7d", APPROVED_AT, config, serialise(config));
    expect(await backUp(first)).toBe("backups/usdclp-7d_20250113_023000.json");
    expect(await backUp(first)).toBe("backups/usdclp-7d_20250113_023000.json");
    expect(await backUp(second)).toBe("backups/usdclp-7d_20250113_023001.json");
    expect(JSON.parse(await readFile(join(root, "backups/usdclp-7d_20250113_023000.json"), "utf8"))).toEqual(
      first,
    );
  });

  it("says what it could not write where a file stands in the folder's place", async () => {
    await writeFile(root, "in the way");
    await expect(folder.write("usdclp-7d", liveConfig())).rejects.toThrow(LiveFolderError);
    await expect(folder.write("usdclp-7d", liveConfig())).rejects.toThrow("cannot write 'usdclp-7d.json'");
    await expect(folder.backUp("usdclp-7d", APPROVED_AT, null, "{}")).rejects.toThrow(
      /cannot read 'backups.usdclp-7d_20250113_023000.json'/,
    );
  });

  it("removes temporary files of killed processes, but none that may be in use", async () => {
    await mkdir(root, { recursive: true });
    await chmod(root, 0o755);
    const [old, fresh] = [join(root, ".old.tmp"), join(root, ".fresh.tmp")];
    for (const path of [old, fresh]) await writeFile(path, "");
    await utimes(old, new Date(0), new Date(0));
    await folder.sweep(Date.now());
    expect(await readdir(root)).toEqual([".fresh.tmp"]);
  });
});

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { KvBucket } from "../../shared/bus/kv.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { deploy } from "./deploy.ts";
import { approval, liveConfig } from "./deployer.fixture.ts";
import { LiveFolderError } from "./live-folder.ts";
import { type Place, usePlaces } from "./places.fixture.ts";
import type { LivePorts } from "./ports.ts";
import { rollBack } from "./rollback.ts";

const { place, versions, commits, backups, fileAgrees, configs: bucket } = usePlaces();
let configs: KvBucket<LiveConfig>;
beforeAll(() => {
  configs = bucket();
});

/** A process died: nothing after this point happened. */
class Crash extends Error {}

/** Real ports of which the `at`-th call, counted over all of them, dies before or after its effect. */
function crashing(
  ports: LivePorts,
  at: number,
  when: "before" | "after",
): { ports: LivePorts; calls: () => number } {
  let calls = 0;
  const guard = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        const member = Reflect.get(object, name) as unknown;
        if (typeof member !== "function") return member;
        return async (...args: unknown[]) => {
          calls += 1;
          const dies = calls === at;
          if (dies && when === "before") throw new Crash();
          const result: unknown = await member.apply(object, args);
          if (dies) throw new Crash();
          return typeof result === "object" && result !== null && "rename" in result ? guard(result) : result;
        };
      },
    });
  return {
    ports: {
      configs: guard(ports.configs),
      folder: guard(ports.folder),
      repository: guard(ports.repository),
    },
    calls: () => calls,
  };
}

describe("a deployment", () => {
  it("ends with bucket, file, backup and git agreeing (A-DEP-1..7)", async () => {
    const at = await place({ version: 3 });
    const event = approval(at.champion);
    const result = await deploy(at.ports, event, "7d");
    expect(result).toMatchObject({
      kind: "deployed",
      config: { version: 4, run_id: event.data.run_id, num_samples: 200 },
      previous: at.champion?.value,
      backup_path: `backups/${at.forecaster}_20250113_023000.json`,
      git_hash: expect.stringMatching(/^[0-9a-f]{40}$/),
      warnings: [],
    });
    expect(await versions(at)).toEqual([3, 4]);
    expect(await fileAgrees(at)).toBe(true);
    expect(
      JSON.parse(await readFile(join(at.root, "backups", `${at.forecaster}_20250113_023000.json`), "utf8")),
    ).toEqual(at.champion?.value);
    expect(commits(at)).toEqual([`Deploy optimized config for ${at.forecaster}`]);
  });

  it("may be the first: no predecessor, no backup", async () => {
    const at = await place(null);
    const event = approval(undefined, { forecaster: at.forecaster });
    expect(await deploy(at.ports, event, "15d")).toMatchObject({
      kind: "deployed",
      previous: null,
      backup_path: null,
      config: { version: 1, horizon: "15d" },
    });
    expect(await fileAgrees(at)).toBe(true);
  });

  it("leaves the champion where it changed since validation", async () => {
    const at = await place();
    const event = approval(at.champion);
    await configs.put(at.forecaster, { ...at.champion!.value, version: 2 });
    expect(await deploy(at.ports, event, "7d")).toMatchObject({
      kind: "failed",
      cause: expect.stringContaining("champion changed since validation"),
    });
    expect(await versions(at)).toEqual([1, 2]);
    expect(await backups(at)).toEqual([]);
  });

  for (const when of ["before", "after"] as const) {
    it(`killed ${when} any step and delivered again is the same one deployment`, async () => {
      const rehearsal = await place();
      const { ports, calls } = crashing(rehearsal.ports, 0, when);
      await deploy(ports, approval(rehearsal.champion), "7d");
      expect(calls()).toBeGreaterThanOrEqual(6);
      for (let step = 1; step <= calls(); step += 1) {
        const at = await place();
        const event = approval(at.champion);
        await expect(deploy(crashing(at.ports, step, when).ports, event, "7d")).rejects.toThrow(Crash);
        const result = await deploy(at.ports, event, "7d");
        expect.soft(result, `step ${step}`).toMatchObject({
          kind: "deployed",
          previous: at.champion?.value,
          backup_path: expect.any(String),
          warnings: [],
        });
        expect.soft(await versions(at), `step ${step}`).toEqual([1, 2]);
        expect.soft(await fileAgrees(at), `step ${step}`).toBe(true);
        expect.soft(await backups(at), `step ${step}`).toHaveLength(1);
        expect.soft(commits(at), `step ${step}`).toHaveLength(1);
      }
    });
  }

  it("attempted by two deployers at once is one deployment", async () => {
    const at = await place();
    const event = approval(at.champion);
    const both = await Promise.all([deploy(at.ports, event, "7d"), deploy(at.ports, event, "7d")]);
    expect(both.map(({ kind }) => kind)).toEqual(["deployed", "deployed"]);
    expect(await versions(at)).toEqual([1, 2]);
    expect(await fileAgrees(at)).toBe(true);
  });

  it("made by another deployer since this one looked is found, not taken for one that was taken back", async () => {
    const at = await place(null);
    const event = approval(undefined, { forecaster: at.forecaster });
    const first = await deploy(at.ports, event, "7d");
    const before = Promise.resolve(undefined);
    expect(await deploy(at.ports, event, "7d", before)).toEqual(first);
    expect(await versions(at)).toEqual([1]);
  });

  it("of two runs validated against the same champion one wins, the other fails", async () => {
    const at = await place();
    const both = await Promise.all([1, 2].map(() => deploy(at.ports, approval(at.champion), "7d")));
    expect(both.map(({ kind }) => kind).sort()).toEqual(["deployed", "failed"]);
    expect(await versions(at)).toEqual([1, 2]);
    expect(await fileAgrees(at)).toBe(true);
  });
});

describe("a deployment the disk refuses (A-DEP-1, A-DEP-6)", () => {
  it("is aborted with nothing changed where the backup fails", async () => {
    const at = await place();
    await writeFile(join(at.root, "backups"), "a file in the folder's place");
    expect(await deploy(at.ports, approval(at.champion), "7d")).toMatchObject({
      kind: "failed",
      cause: expect.stringMatching(/backups.*nothing was changed/),
    });
    expect(await versions(at)).toEqual([1]);
    expect(await fileAgrees(at)).toBe(true);
  });

  it("is aborted with nothing changed where the new file finds no room", async () => {
    const at = await place();
    const full = new LiveFolderError(`cannot write '${at.forecaster}.json'`, {
      cause: new Error("ENOSPC: no space left on device"),
    });
    at.folder.stage = () => Promise.reject(full);
    expect(await deploy(at.ports, approval(at.champion), "7d")).toEqual({
      kind: "failed",
      cause: `cannot write '${at.forecaster}.json': ENOSPC: no space left on device; nothing was changed`,
    });
    expect(await versions(at)).toEqual([1]);
  });

  it("restores the previous config everywhere where the rename fails", async () => {
    const at = await place({ version: 3 });
    failRenamesOnce(at);
    const event = approval(at.champion);
    expect(await deploy(at.ports, event, "7d")).toMatchObject({
      kind: "failed",
      cause: expect.stringContaining("version 3 is live again as 5"),
    });
    expect((await configs.get(at.forecaster))?.value).toEqual({
      ...at.champion?.value,
      version: 5,
      restored_from_version: 4,
    });
    expect(await versions(at)).toEqual([3, 4, 5]);
    expect(await fileAgrees(at)).toBe(true);
    expect(commits(at)).toEqual([`Restore config for ${at.forecaster}`]);
    expect(await deploy(at.ports, event, "7d")).toMatchObject({
      kind: "failed",
      cause: expect.stringContaining("taken back"),
    });
  });

  it("has no config again where that was the first", async () => {
    const at = await place(null);
    await mkdir(at.root, { recursive: true });
    failRenamesOnce(at);
    expect(await deploy(at.ports, approval(undefined, { forecaster: at.forecaster }), "7d")).toMatchObject({
      kind: "failed",
      cause: expect.stringContaining("no config again"),
    });
    expect([await configs.get(at.forecaster), await at.folder.read(at.forecaster)]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("says so where the file cannot be restored either", async () => {
    const at = await place();
    failRenamesOnce(at);
    at.folder.write = () => Promise.reject(new LiveFolderError("cannot write"));
    expect(await deploy(at.ports, approval(at.champion), "7d")).toMatchObject({
      kind: "failed",
      cause: expect.stringContaining("will be written later"),
    });
    expect((await configs.get(at.forecaster))?.value.version).toBe(3);
  });
});

describe("a rollback", () => {
  const deployed = async (champion: Partial<LiveConfig> | null = {}) => {
    const at = await place(champion);
    const result = await deploy(at.ports, approval(at.champion, { forecaster: at.forecaster }), "7d");
    if (result.kind !== "deployed") throw new Error(result.cause);
    const { run_id, version } = result.config;
    const intent = {
      cause: "watch" as const,
      reasons: [],
      event_run: run_id,
      rolled_back_run: run_id,
      from_version: version,
      to: result.previous,
      at: result.config.timestamp,
      claimed_at_ms: 0,
    };
    return { at, intent };
  };

  for (const when of ["before", "after"] as const) {
    it(`killed ${when} any step and resumed restores once`, async () => {
      const rehearsal = await deployed();
      const { ports, calls } = crashing(rehearsal.at.ports, 0, when);
      await rollBack(ports, rehearsal.at.forecaster, rehearsal.intent);
      expect(calls()).toBeGreaterThanOrEqual(4);
      for (let step = 1; step <= calls(); step += 1) {
        const { at, intent } = await deployed();
        await expect(rollBack(crashing(at.ports, step, when).ports, at.forecaster, intent)).rejects.toThrow(
          Crash,
        );
        const result = await rollBack(at.ports, at.forecaster, intent);
        expect.soft(result, `step ${step}`).toMatchObject({
          restored: { version: 3, run_id: at.champion?.value.run_id, restored_from_version: 2 },
          warnings: [],
        });
        expect.soft(await versions(at), `step ${step}`).toEqual([1, 2, 3]);
        expect.soft(await fileAgrees(at), `step ${step}`).toBe(true);
        expect.soft(commits(at), `step ${step}`).toHaveLength(2);
      }
    });
  }

  it("of a first deployment leaves neither config nor file", async () => {
    const { at, intent } = await deployed(null);
    expect(await rollBack(at.ports, at.forecaster, intent)).toMatchObject({
      restored: null,
      revision: 0,
      warnings: [],
    });
    expect(await rollBack(at.ports, at.forecaster, intent)).toMatchObject({
      restored: null,
      revision: 0,
      warnings: [],
    });
    expect([await configs.get(at.forecaster), await at.folder.read(at.forecaster)]).toEqual([
      undefined,
      undefined,
    ]);
    expect(commits(at)).toEqual([
      `Remove config of ${at.forecaster}`,
      `Deploy optimized config for ${at.forecaster}`,
    ]);
  });

  it("leaves alone what another writer put live meanwhile, and says so", async () => {
    const { at, intent } = await deployed();
    const foreign = liveConfig({ forecaster: at.forecaster, version: 9, run_id: newUuidV7() });
    await configs.put(at.forecaster, foreign);
    const result = await rollBack(at.ports, at.forecaster, intent);
    expect(result.restored).toEqual(foreign);
    expect(result.warnings).toEqual([expect.stringContaining("version 9 live meanwhile")]);
  });
});

function failRenamesOnce({ folder }: Place): void {
  const stage = folder.stage.bind(folder);
  folder.stage = async (forecaster, config) => {
    folder.stage = stage;
    const staged = await stage(forecaster, config);
    const refuse = async () => {
      await staged.discard();
      throw new LiveFolderError("cannot write", { cause: new Error("EACCES: permission denied") });
    };
    return { ...staged, rename: refuse };
  };
}

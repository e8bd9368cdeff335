import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deploymentMessage, rollbackMessage } from "./commit-message.ts";
import { deployerConfig, gitSettings } from "./config.ts";
import { liveConfig } from "./deployer.fixture.ts";
import { serialise } from "./live-folder.ts";
import { type CommitRequest, LiveRepository } from "./live-repository.ts";

vi.setConfig({ testTimeout: 30_000 });

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "retune-git-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const git = (...args: string[]) =>
  execFileSync("git", args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    env: {
      ...process.env,
      GIT_AUTHOR_NAME: "P",
      GIT_AUTHOR_EMAIL: "p@x",
      GIT_COMMITTER_NAME: "P",
      GIT_COMMITTER_EMAIL: "p@x",
    },
  }).trim();
const repository = (env = {}) => new LiveRepository(root, gitSettings(deployerConfig(env)));
const config = liveConfig();

async function deployed(overrides: Partial<CommitRequest> = {}): Promise<CommitRequest> {
  await writeFile(join(root, "usdclp-7d.json"), serialise(config));
  return {
    path: "usdclp-7d.json",
    message: deploymentMessage(config),
    run: config.run_id,
    rollback: false,
    ...overrides,
  };
}

describe("git, after a deployment (A-DEP-3)", () => {
  it("starts a repository of its own and commits the config with author and message", async () => {
    const { hash, warnings } = await repository({
      RETUNE_GIT_AUTHOR_NAME: "Ops",
      RETUNE_GIT_AUTHOR_EMAIL: "ops@example.org",
    }).commit(await deployed());
    expect(warnings).toEqual([]);
    expect(git("log", "--format=%H|%an <%ae>|%s|%(trailers:key=Retune-Run,valueonly)").trim()).toBe(
      `${hash}|Ops <ops@example.org>|Deploy optimized config for usdclp-7d|${config.run_id}`,
    );
    expect(git("status", "--porcelain")).toBe("");
  });

  it("leaves a dirty tree and what others have staged as they are", async () => {
    git("init");
    for (const name of ["theirs.txt", "changed.txt"]) await writeFile(join(root, name), "1");
    git("add", ".");
    git("commit", "-m", "theirs");
    await writeFile(join(root, "theirs.txt"), "2");
    git("add", "theirs.txt");
    await writeFile(join(root, "changed.txt"), "2");
    await writeFile(join(root, "untracked.txt"), "1");
    await repository().commit(await deployed());
    expect(git("show", "--format=", "--name-only", "HEAD")).toBe("usdclp-7d.json");
    expect(
      git("status", "--porcelain")
        .split("\n")
        .map((line) => line.trim())
        .sort(),
    ).toEqual(["?? untracked.txt", "M  theirs.txt", "M changed.txt"]);
  });

  it("commits a config again after its file was removed, by this deployer or by another one", async () => {
    const ours = repository();
    await ours.commit(await deployed());
    for (const [n, remover] of [ours, repository()].entries()) {
      await rm(join(root, "usdclp-7d.json"));
      const removed = { path: "usdclp-7d.json", message: "removed", run: `removed-${n}`, rollback: true };
      expect((await remover.commit(removed)).hash).not.toBeNull();
      const again = await deployed({ run: `again-${n}` });
      expect(await ours.commit(again)).toMatchObject({ hash: expect.any(String), warnings: [] });
      expect(git("show", "--format=", "--name-status", "HEAD")).toBe("A\tusdclp-7d.json");
    }
  });

  it("does not repeat a commit that an earlier attempt has made, and tells rollbacks from deployments", async () => {
    const first = await repository().commit(await deployed());
    const rollback = {
      ...(await deployed()),
      message: rollbackMessage("usdclp-7d", config, 2, config.run_id),
      rollback: true,
    };
    const taken = await repository().commit(rollback);
    expect((await repository().commit(await deployed())).hash).toBe(first.hash);
    expect((await repository().commit(rollback)).hash).toBe(taken.hash);
    expect(git("rev-list", "--count", "HEAD")).toBe("2");
  });

  it("commits a removed file", async () => {
    await repository().commit(await deployed());
    await rm(join(root, "usdclp-7d.json"));
    const { warnings } = await repository().commit({
      path: "usdclp-7d.json",
      message: "gone",
      run: config.run_id,
      rollback: true,
    });
    expect([warnings, git("ls-files")]).toEqual([[], ""]);
  });

  it("serialises what one process does at the same time", async () => {
    const one = repository();
    const names = ["a", "b", "c", "d"];
    for (const name of names) await writeFile(join(root, `${name}.json`), "{}");
    const done = await Promise.all(
      names.map((name) => one.commit({ path: `${name}.json`, message: name, run: name, rollback: false })),
    );
    expect(done.flatMap(({ warnings }) => warnings)).toEqual([]);
    expect(git("log", "--format=%s", "--reverse").split("\n")).toEqual(names);
  });

  it("warns where another git holds the lock, and leaves that lock alone", async () => {
    await repository().commit(await deployed());
    await writeFile(join(root, ".git/index.lock"), "");
    const { hash, warnings } = await repository().commit(await deployed({ run: "next" }));
    expect([hash, warnings]).toEqual([null, [expect.stringContaining("index.lock")]]);
    await expect(stat(join(root, ".git/index.lock"))).resolves.toBeDefined();
  });

  it("clears the lock that a killed deployer's git left", async () => {
    await repository().commit(await deployed());
    const dead = spawnSync("true").pid;
    await writeFile(
      join(root, ".git/retune-committing-x.json"),
      JSON.stringify({ host: hostname(), pid: dead }),
    );
    await writeFile(join(root, ".git/index.lock"), "");
    const { hash, warnings } = await repository().commit(await deployed({ run: "next" }));
    expect([hash, warnings]).toEqual([
      expect.stringMatching(/^[0-9a-f]{40}$/),
      [expect.stringContaining("index.lock")],
    ]);
  });

  it("is committed by several processes at the same time, none losing its commit", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) await writeFile(join(root, `${name}.json`), "{}");
    const done = await Promise.all(
      names.map((name) =>
        repository().commit({
          path: `${name}.json`,
          message: name,
          run: name,
          rollback: false,
        }),
      ),
    );
    expect(done.flatMap(({ warnings }) => warnings)).toEqual([]);
    expect(git("log", "--format=%s").split("\n").sort()).toEqual(names);
  });

  it("is committed once by several deployers at the same run, who agree on the commit", async () => {
    await repository().commit({ ...(await deployed()), message: "first", run: "first" });
    const request = await deployed();
    const done = await Promise.all([1, 2, 3, 4].map(() => repository().commit(request)));
    expect(new Set(done.map(({ hash }) => hash)).size).toBe(1);
    expect(git("rev-list", "--count", "HEAD")).toBe("2");
  });

  it("does not wait for a deployer that was killed while it committed", async () => {
    await repository().commit(await deployed());
    const dead = spawnSync("true").pid;
    await writeFile(
      join(root, ".git/retune-commit.lock"),
      JSON.stringify({ host: hostname(), pid: dead, life: "x", lock: "x" }),
    );
    const { hash, warnings } = await repository().commit(await deployed({ run: "next" }));
    expect([hash, warnings]).toEqual([git("rev-parse", "HEAD"), []]);
    await expect(stat(join(root, ".git/retune-commit.lock"))).rejects.toThrow("ENOENT");
  });

  it("keeps a lock that is older than the killed deployer's work", async () => {
    await repository().commit(await deployed());
    const dead = spawnSync("true").pid;
    await writeFile(join(root, ".git/index.lock"), "");
    await utimes(join(root, ".git/index.lock"), new Date(0), new Date(0));
    await writeFile(
      join(root, ".git/retune-committing-x.json"),
      JSON.stringify({ host: hostname(), pid: dead }),
    );
    expect((await repository().commit(await deployed({ run: "next" }))).hash).toBeNull();
  });

  it("warns where there is no git", async () => {
    const path = process.env.PATH;
    process.env.PATH = "/nonexistent";
    try {
      const { hash, warnings } = await repository().commit(await deployed());
      expect([hash, warnings]).toEqual([null, [expect.stringContaining("is git installed?")]]);
    } finally {
      process.env.PATH = path;
    }
  });

  it("finishes a repository whose making was cut short", async () => {
    await mkdir(join(root, ".git/objects"), { recursive: true });
    expect((await repository().commit(await deployed())).warnings).toEqual([]);
    expect(git("rev-list", "--count", "HEAD")).toBe("1");
  });

  it("begins anew where somebody removed the repository in between", async () => {
    const one = repository();
    await one.commit(await deployed());
    await rm(join(root, ".git"), { recursive: true });
    expect((await one.commit(await deployed())).warnings).toEqual([]);
    expect(git("show", "--format=", "--name-only", "HEAD")).toBe("usdclp-7d.json");
  });

  it("warns where the repository is broken or refuses by a hook", async () => {
    git("init");
    const head = await readFile(join(root, ".git/HEAD"));
    await writeFile(join(root, ".git/HEAD"), "garbage");
    expect((await repository().commit(await deployed())).warnings).toEqual([
      expect.stringContaining("no git commit"),
    ]);
    await writeFile(join(root, ".git/HEAD"), head);
    await writeFile(join(root, ".git/hooks/pre-commit"), "#!/bin/sh\necho not today >&2\nexit 1\n", {
      mode: 0o755,
    });
    expect((await repository().commit(await deployed())).warnings[0]).toContain("not today");
  });
});

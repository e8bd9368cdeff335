import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, vi } from "vitest";
import type { KvBucket } from "../../shared/bus/kv.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { deployerConfig, gitSettings } from "./config.ts";
import { liveConfig } from "./deployer.fixture.ts";
import { LiveFolder, serialise } from "./live-folder.ts";
import { LiveRepository } from "./live-repository.ts";
import type { LivePorts } from "./ports.ts";

vi.setConfig({ testTimeout: 30_000 });

export interface Place {
  readonly forecaster: string;
  readonly root: string;
  readonly folder: LiveFolder;
  readonly ports: LivePorts;
  readonly champion: { value: LiveConfig; revision: number } | undefined;
}

/** A server for the file, and places to deploy to: real bucket, folder and repository, without a service. */
export function usePlaces() {
  let nats: TestNats;
  let context: TestContext;
  let configs: KvBucket<LiveConfig>;
  let folders: string;
  let count = 0;
  beforeAll(async () => {
    nats = await startTestNats();
    context = await testContext(nats);
    configs = context.bus.kv("live-configs", LiveConfig);
    folders = await mkdtemp(join(tmpdir(), "retune-deploy-"));
  });
  afterAll(async () => {
    await context[Symbol.asyncDispose]();
    await nats.stop();
    await rm(folders, { recursive: true, force: true });
  });

  /** A forecaster of its own with its own folder, so that cases do not meet. */
  async function place(champion: Partial<LiveConfig> | null = {}): Promise<Place> {
    count += 1;
    const forecaster = `case-${count}`;
    const root = join(folders, forecaster);
    const folder = new LiveFolder(root);
    const ports: LivePorts = {
      configs,
      folder,
      repository: new LiveRepository(root, gitSettings(deployerConfig({}))),
    };
    if (champion === null) return { forecaster, root, folder, ports, champion: undefined };
    const value = liveConfig({ forecaster, ...champion });
    const revision = await configs.put(forecaster, value);
    await folder.write(forecaster, value);
    return { forecaster, root, folder, ports, champion: { value, revision } };
  }
  const versions = async ({ forecaster }: Place) =>
    (await configs.history(forecaster)).map(({ value }) => value?.version ?? null);
  const commits = ({ root }: Place) =>
    execFileSync("git", ["log", "--format=%s"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
      .trim()
      .split("\n");
  const backups = ({ root }: Place) => readdir(join(root, "backups")).catch(() => []);
  const fileAgrees = async ({ forecaster, folder }: Place) =>
    (await folder.read(forecaster)) === serialise((await configs.get(forecaster))!.value);

  return { place, versions, commits, backups, fileAgrees, configs: () => configs };
}

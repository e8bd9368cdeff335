import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run, whichProgram } from "../run.ts";
import { PINNED_VERSION } from "../version.ts";
import { cacheDirectory, cachedServer, type FindStep } from "./step.ts";

const TIMEOUT_MS = 600_000;
const MODULE = `github.com/nats-io/nats-server/v2@v${PINNED_VERSION}`;

/** Builds the pinned release from its module, whose hash the Go checksum database vouches for. */
export const goInstall: FindStep = {
  name: "go install",
  installs: true,
  async find(env) {
    const go = whichProgram("go", env);
    if (!go) throw new Error("no go on the PATH");
    await mkdir(cacheDirectory(env), { recursive: true });
    const directory = await mkdtemp(join(cacheDirectory(env), "go-"));
    try {
      await run(go, ["install", MODULE], { env: { ...env, GOBIN: directory }, timeoutMs: TIMEOUT_MS });
      const path = cachedServer(env, PINNED_VERSION);
      await mkdir(dirname(path), { recursive: true });
      await rename(join(directory, "nats-server"), path);
      return path;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

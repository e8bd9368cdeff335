import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run, whichProgram } from "../run.ts";
import { PINNED_VERSION } from "../version.ts";
import { cacheDirectory, cachedServer, type FindStep } from "./step.ts";

const TIMEOUT_MS = 300_000;

/**
 * The package of Debian and Ubuntu: installed when this process is root, otherwise downloaded and
 * unpacked into the cache, which needs no rights. The package lists are refreshed when they are too old
 * to deliver (root only). Debian 12 has 2.9.10.
 */
export const apt: FindStep = {
  name: "apt-get",
  installs: true,
  async find(env) {
    const aptGet = whichProgram("apt-get", env);
    if (!aptGet) throw new Error("no apt-get on the PATH");
    return process.getuid?.() === 0 ? await install(aptGet, env) : await unpack(aptGet, env);
  },
};

async function install(aptGet: string, env: NodeJS.ProcessEnv): Promise<string> {
  const options = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: TIMEOUT_MS };
  const installing = ["install", "-y", "-q", "--no-install-recommends", "nats-server"];
  try {
    await run(aptGet, installing, options);
  } catch {
    await run(aptGet, ["update", "-q"], options);
    await run(aptGet, installing, options);
  }
  const path = whichProgram("nats-server", env, ["/usr/sbin", "/usr/bin"]);
  if (!path) throw new Error("the package nats-server is installed but brought no nats-server");
  return path;
}

async function unpack(aptGet: string, env: NodeJS.ProcessEnv): Promise<string> {
  const dpkgDeb = whichProgram("dpkg-deb", env);
  if (!dpkgDeb) throw new Error("not root, and no dpkg-deb to unpack a package with");
  await mkdir(cacheDirectory(env), { recursive: true });
  const directory = await mkdtemp(join(cacheDirectory(env), "apt-"));
  try {
    await run(aptGet, ["download", "-q", "nats-server"], { env, timeoutMs: TIMEOUT_MS, cwd: directory });
    const file = (await readdir(directory)).find((name) => name.endsWith(".deb"));
    if (!file) throw new Error("apt-get downloaded no package");
    await run(dpkgDeb, ["-x", file, "tree"], { env, timeoutMs: TIMEOUT_MS, cwd: directory });
    const path = cachedServer(env, PINNED_VERSION);
    await mkdir(dirname(path), { recursive: true });
    await rename(join(directory, "tree/usr/sbin/nats-server"), path);
    return path;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { run, whichProgram } from "../run.ts";
import { PINNED_VERSION } from "../version.ts";
import { cacheDirectory, cachedServer, type FindStep } from "./step.ts";

const RELEASES = "https://github.com/nats-io/nats-server/releases/download";
const CHECKSUMS_TIMEOUT_MS = 20_000;
const ARCHIVE_TIMEOUT_MS = 300_000;
const ARCHITECTURES: Partial<Record<string, string>> = { x64: "amd64", arm64: "arm64", arm: "arm7" };

/**
 * The official archive of the pinned release, unpacked into the cache.
 *
 * The archive is compared with `SHA256SUMS` of the same release, fetched over TLS from the same host.
 * That catches a damaged or truncated download and a mirror that swaps one file; it does not catch
 * someone who controls the whole release page, which only sums kept in this repository would.
 */
export function release(base: string = RELEASES): FindStep {
  return {
    name: "official release",
    installs: true,
    async find(env) {
      const architecture = ARCHITECTURES[process.arch];
      if (!architecture) throw new Error(`no release for ${process.arch}`);
      const tar = whichProgram("tar", env, ["/bin", "/usr/bin"]);
      if (!tar) throw new Error("no tar to unpack the archive with");

      const folder = `nats-server-v${PINNED_VERSION}-${process.platform}-${architecture}`;
      const archive = `${folder}.tar.gz`;
      const sums = await download(`${base}/v${PINNED_VERSION}/SHA256SUMS`, CHECKSUMS_TIMEOUT_MS);
      const expected = checksumOf(archive, sums.toString("utf8"));
      const bytes = await download(`${base}/v${PINNED_VERSION}/${archive}`, ARCHIVE_TIMEOUT_MS);
      const actual = createHash("sha256").update(bytes).digest("hex");
      if (actual !== expected) throw new Error(`'${archive}' has SHA-256 ${actual}, expected ${expected}`);
      return await unpack(bytes, folder, tar, env);
    },
  };
}

/** The line of `sha256sum`'s output that belongs to `file`. */
function checksumOf(file: string, sums: string): string {
  for (const line of sums.split("\n")) {
    const [, digest, name] = /^([0-9a-f]{64})\s+\*?(\S+)$/.exec(line.trim()) ?? [];
    if (digest && name === file) return digest;
  }
  throw new Error(`SHA256SUMS does not list '${file}'`);
}

async function download(url: string, timeoutMs: number): Promise<Buffer> {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { signal }).catch((cause: Error) => {
    throw new Error(`cannot fetch ${url}`, { cause });
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

async function unpack(bytes: Buffer, folder: string, tar: string, env: NodeJS.ProcessEnv): Promise<string> {
  await mkdir(cacheDirectory(env), { recursive: true });
  const directory = await mkdtemp(join(cacheDirectory(env), "release-"));
  try {
    await writeFile(join(directory, "archive.tar"), gunzipSync(bytes)); // tar alone would need a gzip program
    const wanted = `${folder}/nats-server`;
    const options = { env, timeoutMs: ARCHIVE_TIMEOUT_MS, cwd: directory };
    await run(tar, ["-xf", "archive.tar", wanted], options);
    const path = cachedServer(env, PINNED_VERSION);
    await chmod(join(directory, wanted), 0o755);
    await mkdir(dirname(path), { recursive: true });
    await rename(join(directory, wanted), path);
    return path;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

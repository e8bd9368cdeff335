import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { InvalidInputError, UnavailableError } from "../../errors.ts";
import { FIND_STEPS, findNatsServer } from "./find.ts";
import { withFileLock } from "./lock.ts";
import { apt } from "./steps/apt.ts";
import { goInstall } from "./steps/go-install.ts";
import { cached, named, onPath } from "./steps/local.ts";
import { release } from "./steps/release.ts";
import { cachedServer, type FindStep } from "./steps/step.ts";
import { compareVersions, PINNED_VERSION } from "./version.ts";

let bin: string; // the real one of this machine
let version: string;
let home: string;
let env: NodeJS.ProcessEnv; // a machine that has nothing
beforeAll(async () => {
  const found = await findNatsServer();
  bin = found.path;
  version = found.version;
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "retune-find-"));
  env = { HOME: home, PATH: join(home, "bin") };
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function program(path: string, script: string): string {
  const full = join(home, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, script);
  chmodSync(full, 0o755);
  return full;
}

describe("findNatsServer", () => {
  it("asks in the documented order", () => {
    expect(FIND_STEPS.map((step) => step.name)).toEqual([
      "NATS_SERVER_BIN",
      "PATH",
      "cache",
      "apt-get",
      "go install",
      "official release",
    ]);
  });

  it("takes NATS_SERVER_BIN before the PATH", async () => {
    mkdirSync(join(home, "bin"));
    cpSync(bin, join(home, "bin/nats-server"));
    const steps = [named, onPath([])];
    expect(await findNatsServer(env, steps)).toEqual({
      path: join(home, "bin/nats-server"),
      version,
      from: "PATH",
    });
    expect(await findNatsServer({ ...env, NATS_SERVER_BIN: bin }, steps)).toEqual({
      path: bin,
      version,
      from: "NATS_SERVER_BIN",
    });
  });

  it("refuses a NATS_SERVER_BIN that is no program, whatever else there is", async () => {
    const wrong = { ...process.env, NATS_SERVER_BIN: "/nowhere" };
    await expect(findNatsServer(wrong)).rejects.toThrow(InvalidInputError);
    await expect(findNatsServer(wrong)).rejects.toThrow("NATS_SERVER_BIN: '/nowhere'");
  });

  it("takes a cached copy", async () => {
    const copy = cachedServer(env, PINNED_VERSION);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(bin, copy);
    expect(await findNatsServer(env, [named, onPath([]), cached])).toEqual({
      path: copy,
      version,
      from: "cache",
    });
  });

  it("passes over a server that is too old and one that is none, and says so at the end", async () => {
    program("bin/nats-server", "#!/bin/sh\necho nats-server: v2.8.4\n");
    const odd = program("odd", "#!/bin/sh\necho hello\n");
    const oddStep: FindStep = { name: "odd", installs: false, find: async () => odd };
    const error = await findNatsServer(env, [named, onPath([]), oddStep, cached, goInstall]).catch(
      (reason: unknown) => reason as Error,
    );
    expect(error).toBeInstanceOf(UnavailableError);
    const { message } = error as Error;
    expect(message).toMatch(/Install one .*NATS_SERVER_BIN.*NATS_URL/);
    expect(message).toContain("NATS_SERVER_BIN: not set");
    expect(message).toContain("is version 2.8.4, 2.9.10 or newer is needed");
    expect(message).toContain("says 'hello', which holds no version");
    expect(message).toContain(`cache: no '${cachedServer(env, PINNED_VERSION)}'`);
  });

  it("installs once however many ask at the same time, and tells what it does", async () => {
    let installs = 0;
    const installing: FindStep = {
      name: "copy",
      installs: true,
      async find() {
        installs++;
        const copy = cachedServer(env, PINNED_VERSION);
        mkdirSync(dirname(copy), { recursive: true });
        cpSync(bin, copy);
        return copy;
      },
    };
    const lines: string[] = [];
    const find = () => findNatsServer(env, [cached, installing], (line) => lines.push(line));
    const found = await Promise.all([find(), find(), find()]);
    expect(installs).toBe(1);
    expect(found.map(({ from }) => from).sort()).toEqual(["cache", "cache", "copy"]);
    expect(lines).toEqual(["no nats-server yet, trying copy"]);
  });
});

describe("the installing steps on a machine without their program", () => {
  it("say what is missing", async () => {
    await expect(apt.find(env)).rejects.toThrow("no apt-get on the PATH");
    await expect(goInstall.find(env)).rejects.toThrow("no go on the PATH");
  });

  it("pass on what a failing apt-get said", async () => {
    program("bin/apt-get", "#!/bin/sh\necho 'E: Unable to locate package nats-server' >&2\nexit 100\n");
    program("bin/dpkg-deb", "#!/bin/sh\nexit 1\n");
    await expect(apt.find(env)).rejects.toThrow("E: Unable to locate package nats-server");
  });
});

describe("the official release", () => {
  const folder = `nats-server-v${PINNED_VERSION}-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  const archive = `${folder}.tar.gz`;
  let site: Server;
  let base: string;
  const files = new Map<string, Buffer>();

  beforeEach(async () => {
    files.clear();
    site = createServer((request, response) => {
      const file = files.get(request.url ?? "");
      response.writeHead(file ? 200 : 404).end(file);
    }).listen(0, "127.0.0.1");
    await once(site, "listening");
    base = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    site.closeAllConnections();
    site.close();
    await once(site, "close");
  });

  function publish(sums: (digest: string) => string): void {
    mkdirSync(join(home, folder));
    cpSync(bin, join(home, folder, "nats-server"));
    execFileSync("tar", ["-czf", archive, folder], { cwd: home });
    const bytes = readFileSync(join(home, archive));
    const digest = createHash("sha256").update(bytes).digest("hex");
    files.set(`/v${PINNED_VERSION}/${archive}`, bytes);
    files.set(`/v${PINNED_VERSION}/SHA256SUMS`, Buffer.from(sums(digest)));
  }

  it("is unpacked into the cache when its checksum is right", async () => {
    publish((digest) => `${"0".repeat(64)}  other.zip\n${digest}  ${archive}\n`);
    const found = await findNatsServer(env, [cached, release(base)]);
    const path = cachedServer(env, PINNED_VERSION);
    expect(found).toEqual({ path, version, from: "official release" });
    expect((await findNatsServer(env, [cached])).from).toBe("cache");
  });

  it("is refused when its checksum is wrong or not listed, and nothing is left in the cache", async () => {
    publish(() => `${"0".repeat(64)}  ${archive}\n`);
    await expect(release(base).find(env)).rejects.toThrow(/has SHA-256 .* expected 0000/);
    files.set(`/v${PINNED_VERSION}/SHA256SUMS`, Buffer.from("nonsense\n"));
    await expect(release(base).find(env)).rejects.toThrow(`SHA256SUMS does not list '${archive}'`);
    await expect(findNatsServer(env, [cached])).rejects.toThrow(/cache: no/);
  });

  it("says which address did not deliver", async () => {
    await expect(release(base).find(env)).rejects.toThrow(
      `${base}/v${PINNED_VERSION}/SHA256SUMS answered 404`,
    );
    await expect(release("http://127.0.0.1:1").find(env)).rejects.toThrow("cannot fetch http://127.0.0.1:1/");
  });
});

describe("the lock", () => {
  it("is taken over from a dead process", async () => {
    const path = join(home, "lock");
    const dead = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim();
    writeFileSync(path, dead);
    expect(await withFileLock(path, 1_000, async () => readFileSync(path, "utf8"))).toBe(String(process.pid));
  });

  it("is not taken from a live one, whose id the error tells", async () => {
    const path = join(home, "lock");
    writeFileSync(path, "1");
    await expect(withFileLock(path, 0, async () => {})).rejects.toThrow("held by process 1");
  });

  it("is free again after work that failed", async () => {
    const path = join(home, "lock");
    const failing = withFileLock(path, 0, () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(await withFileLock(path, 0, async () => 1)).toBe(1);
  });
});

it.each([
  ["2.9.10", "2.10.0", -1],
  ["2.10.27", "2.9.10", 1],
  ["v2.9.10", "2.9.10-beta.1", 0],
  ["3.0.0", "2.99.99", 1],
])("versions: %s against %s is %i", (a, b, sign) => expect(Math.sign(compareVersions(a, b))).toBe(sign));

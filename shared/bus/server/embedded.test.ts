import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedServer, startEmbeddedServer } from "./embedded.ts";
import { findNatsServer } from "./find.ts";
import { freePort } from "./port.ts";
import { isAlive, processInfo } from "./process-info.ts";
import { whichProgram } from "./run.ts";

let bin: string;
let storeDir: string;
beforeAll(async () => {
  bin = (await findNatsServer()).path;
});
beforeEach(() => {
  storeDir = mkdtempSync(join(tmpdir(), "retune-embedded-"));
});
afterEach(() => rmSync(storeDir, { recursive: true, force: true }));

/** Starts a server in a node process of its own, which tells us the server's process id. */
async function startInOtherProcess(env: NodeJS.ProcessEnv = process.env) {
  const module = join(import.meta.dirname, "embedded.ts");
  const script = `
    const { startEmbeddedServer } = await import(${JSON.stringify(module)});
    const server = await startEmbeddedServer({ bin: ${JSON.stringify(bin)}, storeDir: ${JSON.stringify(storeDir)} });
    console.log(server.pid);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
    env,
  });
  const [line] = (await once(owner.stdout, "data")) as [Buffer];
  return { owner, pid: Number(line.toString()) };
}

async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(10);
}

async function store(server: EmbeddedServer, text: string): Promise<number> {
  const connection = await connect({ servers: server.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "KEPT", subjects: ["kept"] });
  await jetstream(connection).publish("kept", text);
  const { state } = await manager.streams.info("KEPT");
  await connection.close();
  return state.messages;
}

describe("the embedded server", () => {
  it("answers with JetStream as soon as it is handed over, on loopback only", async () => {
    await using server = await startEmbeddedServer({ bin, storeDir });
    expect(await store(server, "one")).toBe(1);
    expect(server.url).toBe(`nats://127.0.0.1:${server.port}`);
    expect(server.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it("takes payloads of 8 MB", async () => {
    await using server = await startEmbeddedServer({ bin, storeDir });
    const connection = await connect({ servers: server.url });
    expect(connection.info?.max_payload).toBe(8 * 1024 * 1024);
    await connection.close();
  });

  it("keeps its streams over an orderly stop and over SIGKILL, on the same port", async () => {
    const first = await startEmbeddedServer({ bin, storeDir });
    await store(first, "one");
    await first.stop();
    const second = await startEmbeddedServer({ bin, storeDir, port: first.port });
    await store(second, "two");
    second.kill();
    expect(await second.exited).toBeNull();
    await using third = await startEmbeddedServer({ bin, storeDir, port: first.port });
    expect(third.port).toBe(first.port);
    expect(await store(third, "three")).toBe(3);
  });

  it("refuses a store on which this process already runs a server", async () => {
    await using server = await startEmbeddedServer({ bin, storeDir });
    await expect(startEmbeddedServer({ bin, storeDir })).rejects.toThrow(
      `'${storeDir}' is in use by nats-server ${server.pid} of process ${process.pid}`,
    );
  });

  it("refuses a store on which another live process runs a server", async () => {
    const { owner, pid } = await startInOtherProcess();
    await expect(startEmbeddedServer({ bin, storeDir })).rejects.toThrow(`of process ${owner.pid}`);
    owner.kill("SIGTERM");
    await untilGone(pid);
  });

  it.runIf(process.platform === "linux" && whichProgram("setpriv", process.env))(
    "ends when its process is killed",
    async () => {
      const { owner, pid } = await startInOtherProcess();
      owner.kill("SIGKILL");
      await untilGone(pid);
      expect(processInfo(pid)).toBeUndefined();
    },
  );

  it("ends a server that a killed process left behind, where nothing else does", async () => {
    const withoutSetpriv = { ...process.env, PATH: join(storeDir, "empty") };
    const { owner, pid } = await startInOtherProcess(withoutSetpriv);
    owner.kill("SIGKILL");
    await once(owner, "exit");
    expect(isAlive(pid)).toBe(true);
    await using server = await startEmbeddedServer({ bin, storeDir });
    expect(isAlive(pid)).toBe(false);
    expect(server.pid).not.toBe(pid);
  });

  it("leaves a stranger alone that inherited the process id of a dead server", async () => {
    const stranger = spawn("sleep", ["60"]);
    const claim = { pid: stranger.pid, owner: 1, owner_started: "long ago" };
    writeFileSync(join(storeDir, "nats-server.pid.json"), JSON.stringify(claim));
    await using _server = await startEmbeddedServer({ bin, storeDir });
    expect(isAlive(stranger.pid ?? 0)).toBe(true);
    stranger.kill();
  });

  it("starts in spite of a pid file that a crash cut off", async () => {
    writeFileSync(join(storeDir, "nats-server.pid.json"), '{"pid": 12');
    await using server = await startEmbeddedServer({ bin, storeDir });
    expect(isAlive(server.pid)).toBe(true);
  });

  it("says what the server said when it cannot start", async () => {
    const config = "no_such_option: 1";
    await expect(startEmbeddedServer({ bin, storeDir, config })).rejects.toThrow(
      /did not start.*no_such_option/,
    );
    expect(existsSync(join(storeDir, "nats-server.pid.json"))).toBe(false);
  });

  it("does not mistake a stranger on its port for itself", async () => {
    const port = await freePort();
    const stranger = createServer((socket) => {
      socket.on("error", () => {});
      socket.end('INFO {"server_name":"stranger","version":"9.9.9","jetstream":true}\r\n');
    });
    await once(stranger.listen(port, "127.0.0.1"), "listening");
    await expect(startEmbeddedServer({ bin, storeDir, port })).rejects.toThrow(/address already in use/);
    stranger.close();
  });

  it("names a program that is not there", async () => {
    await expect(startEmbeddedServer({ bin: "/nowhere/nats-server", storeDir })).rejects.toThrow(
      "'/nowhere/nats-server' is not an executable file",
    );
  });

  it("names the program when it is no nats-server", async () => {
    await expect(startEmbeddedServer({ bin: "/bin/false", storeDir })).rejects.toThrow(/did not start/);
  });
});

describe("processInfo", () => {
  it("knows a live process by its command and none by another id", () => {
    expect(processInfo(process.pid)?.command).toContain("node");
    expect(processInfo(-1)).toBeUndefined();
    expect(processInfo(Number.NaN)).toBeUndefined();
    const gone = Number(execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }));
    expect(processInfo(gone)).toBeUndefined();
  });
});

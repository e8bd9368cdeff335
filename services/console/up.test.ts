import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runMain } from "./testing/run-main.ts";

let folder = "";
let configs = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-up-"));
  configs = join(folder, "configs");
  await mkdir(join(configs, "forecasters"), { recursive: true });
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function upFails(port: number) {
  const data = join(folder, "data");
  const env = { RETUNE_DATA: data, RETUNE_CONFIGS: configs, RETUNE_PORT: String(port), LOG_LEVEL: "fatal" };
  const ended = await runMain(["up", "--no-demo"], env);
  return { ...ended, serverLog: await readFile(join(data, "nats", "nats-server.log"), "utf8") };
}

describe("retune up that cannot start", () => {
  it("ends with its nats-server when a spec has an error, and names it", async () => {
    const path = join(configs, "forecasters", "rate.yaml");
    await writeFile(path, "forecaster: rate\nhorizon: soon\n");
    const { code, errors, serverLog } = await upFails(0);
    expect(errors).toContain(path);
    expect(code).toBe(1);
    expect(serverLog).toContain("Server Exiting");
  }, 60_000);

  it("ends with its nats-server when the port of the page is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    try {
      const { port } = other.address() as AddressInfo;
      const { code, errors, serverLog } = await upFails(port);
      expect(errors).toContain(`port ${port} on 127.0.0.1 is in use already`);
      expect(code).toBe(1);
      expect(serverLog).toContain("Server Exiting");
    } finally {
      other.close();
    }
  }, 60_000);
});

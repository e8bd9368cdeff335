import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findNatsServer } from "../../shared/bus/server/find.ts";
import { freePort } from "../../shared/bus/server/port.ts";
import { startAt, startOwnServer } from "./own-server.ts";

let bin = "";
let folder = "";

beforeAll(async () => {
  bin = (await findNatsServer(process.env)).path;
  folder = await mkdtemp(join(tmpdir(), "retune-own-server-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const options = (name: string) => ({ bin, storeDir: join(folder, name) });

it("a server whose port was taken after it was seen free starts on another", async () => {
  const other = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  try {
    await using server = await startAt(port, options("late"));
    expect(server.port).not.toBe(port);
  } finally {
    other.close();
  }
});

it("two that start at the same moment both run, and at most one has the usual port", async () => {
  const usual = await freePort();
  const [one, two] = await Promise.all([
    startOwnServer(options("one"), usual),
    startOwnServer(options("two"), usual),
  ]);
  await using _ = one;
  await using __ = two;
  expect(one.port).not.toBe(two.port);
});

it("what fails for another reason than the port is told", async () => {
  const port = await freePort();
  await expect(startAt(port, { ...options("broken"), config: "no_such_setting: {" })).rejects.toThrow(
    `nats-server did not start on 127.0.0.1:${port}`,
  );
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { connectionSettings } from "../../shared/bus/settings.ts";
import { type ConnectionFlags, connectionEnv } from "./connect.ts";

const folder = mkdtempSync(join(tmpdir(), "retune-connect-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string): string {
  writeFileSync(join(folder, name), name);
  return join(folder, name);
}

/** What a process connects with in this environment, secrets included. */
function connectsWith(flags: ConnectionFlags, env: NodeJS.ProcessEnv) {
  const home = { HOME: folder, XDG_CONFIG_HOME: folder };
  const { servers, tls, authenticator } = connectionSettings({}, connectionEnv(flags, { ...home, ...env }));
  return { servers, tls, identity: [authenticator].flat()[0]?.() };
}

describe("the flags of the command line as an environment", () => {
  it("carry certificate, key and authority", () => {
    const [tlscert, tlskey, tlsca] = [file("cert.pem"), file("key.pem"), file("ca.pem")];
    expect(connectsWith({ tlscert, tlskey, tlsca }, {}).tls).toEqual({
      certFile: tlscert,
      keyFile: tlskey,
      caFile: tlsca,
    });
  });

  const server = "nats://10.0.0.1:4222";
  it.each<[string, ConnectionFlags, NodeJS.ProcessEnv, object]>([
    ["a token over a user", { token: "t" }, { NATS_USER: "bo", NATS_PASSWORD: "p" }, { auth_token: "t" }],
    ["a user over credentials", { user: "ana", password: "p" }, { NATS_CREDS: "/none" }, { user: "ana" }],
    ["a user of the URL over a seed", { server: "ana:p@10.0.0.1" }, { NATS_NKEY: "/none" }, { user: "ana" }],
    ["the environment's password for a user", { user: "ana" }, { NATS_PASSWORD: "p" }, { pass: "p" }],
    [
      "a password for the environment's user",
      { password: "p" },
      { NATS_USER: "bo" },
      { user: "bo", pass: "p" },
    ],
    ["the environment's where none is named", { server }, { NATS_TOKEN: "t" }, { auth_token: "t" }],
    ["the environment's where a flag is empty", { token: "" }, { NATS_TOKEN: "t" }, { auth_token: "t" }],
  ])("choose %s", (_, flags, env, identity) => {
    expect(connectsWith(flags, env).identity).toMatchObject(identity);
  });

  it("name the server", () => {
    expect(connectsWith({ server }, { NATS_URL: "nats://10.0.0.2:4222" }).servers).toEqual([server]);
  });
});

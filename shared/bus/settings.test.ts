import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestNats } from "../../test/support/nats.ts";
import { InvalidInputError } from "../errors.ts";
import { connectionSettings, type NatsFlags } from "./settings.ts";

const SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const CREDS = `-----BEGIN NATS USER JWT-----
eyJ0eXAiOiJKV1QifQ.e30.c2ln
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${SEED}
------END USER NKEY SEED------
`;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "retune-settings-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(path: string, content: string | object): string {
  const full = join(home, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, typeof content === "string" ? content : JSON.stringify(content));
  return full;
}
const context = (name: string, content: string | object) =>
  write(`.config/nats/context/${name}.json`, content);
const settings = (flags: NatsFlags = {}, env: NodeJS.ProcessEnv = {}) =>
  connectionSettings(flags, { HOME: home, ...env });
/** What the client would send to prove who it is. */
const identity = (flags: NatsFlags = {}, env: NodeJS.ProcessEnv = {}) => {
  const { authenticator } = settings(flags, env);
  return typeof authenticator === "function" ? authenticator("nonce") : undefined;
};

describe("the server", () => {
  it("is the flag's, else the environment's, else the context's, else localhost", () => {
    expect(settings().servers).toEqual(["nats://127.0.0.1:4222"]);
    context("lab", { url: "nats://context:1" });
    write(".config/nats/context.txt", "lab\n");
    expect(settings().servers).toEqual(["nats://context:1"]);
    expect(settings({}, { NATS_URL: "nats://env:2" }).servers).toEqual(["nats://env:2"]);
    expect(settings({ url: "nats://flag:3" }, { NATS_URL: "nats://env:2" }).servers).toEqual([
      "nats://flag:3",
    ]);
  });

  it.each([
    ["a.example", ["nats://a.example:4222"]],
    ["nats://a:1, tls://b:2,c", ["nats://a:1", "tls://b:2", "nats://c:4222"]],
    ["nats://[::1]:5", ["nats://[::1]:5"]],
  ])("reads %s", (url, servers) => expect(settings({ url }).servers).toEqual(servers));

  it("keeps user and password of the URL apart from it", () => {
    const env = { NATS_URL: "nats://ann:s%40cret@a:1" };
    expect(settings({}, env).servers).toEqual(["nats://a:1"]);
    expect(identity({}, env)).toEqual({ user: "ann", pass: "s@cret" });
    expect(identity({}, { NATS_URL: "nats://t0ken@a" })).toEqual({ auth_token: "t0ken" });
  });

  it("must offer TLS when the scheme is tls", () => {
    expect(settings({ url: "tls://a" }).tls).toEqual({});
    expect(settings({ url: "nats://a" }).tls).toBeUndefined();
  });

  it.each(["http://a", "ws://a", "nats://", "nats://a:99999", "nats://a:0", ","])("refuses %s", (url) => {
    expect(() => settings({}, { NATS_URL: url })).toThrow(/^NATS_URL: /);
  });

  it("shows no password when it refuses a URL", () => {
    expect(() => settings({ url: "nats://ann:secret@a:99999" })).toThrow(/^(?!.*secret).*--url/);
  });
});

describe("the context", () => {
  it("is the named one before the selected one, and a flag names it before NATS_CONTEXT", () => {
    for (const name of ["selected", "named", "flagged"]) context(name, { url: `nats://${name}` });
    write(".config/nats/context.txt", "selected");
    expect(settings({}, { NATS_CONTEXT: "named" }).servers).toEqual(["nats://named:4222"]);
    expect(settings({ context: "flagged" }, { NATS_CONTEXT: "named" }).servers).toEqual([
      "nats://flagged:4222",
    ]);
  });

  it("is looked up under XDG_CONFIG_HOME", () => {
    write("xdg/nats/context/lab.json", { url: "nats://xdg" });
    const env = { XDG_CONFIG_HOME: join(home, "xdg"), NATS_CONTEXT: "lab" };
    expect(settings({}, env).servers).toEqual(["nats://xdg:4222"]);
  });

  it("leaves a setting alone that is an empty string, as the nats CLI writes them", () => {
    context("lab", { url: "", user: "", password: "", creds: "", nkey: "", cert: "", key: "", ca: "" });
    expect(settings({}, { NATS_CONTEXT: "lab", NATS_URL: "", NATS_CREDS: "" })).toEqual({
      servers: ["nats://127.0.0.1:4222"],
    });
  });

  it("carries inbox prefix and TLS-first", () => {
    context("lab", { inbox_prefix: "_INBOX_lab", tls_first: true });
    expect(settings({ context: "lab" })).toMatchObject({
      inboxPrefix: "_INBOX_lab",
      tls: { handshakeFirst: true },
    });
  });

  it.each([
    ["unknown", undefined, /'unknown' is unknown: cannot read '.*unknown\.json'/],
    ["../etc", undefined, /not a name/],
    ["cut-off", '{"url": "nats:', /cut-off\.json' is not JSON/],
    ["url-is-a-number", { url: 4222 }, /url-is-a-number\.json', field 'url'/],
    ["list", [], /list\.json', field/],
    ["needs-nsc", { nsc: "nsc://o/a/u" }, /field 'nsc'.*'creds'/],
  ])("that is %s is refused", (name, content, message) => {
    if (content !== undefined) context(name, content);
    expect(() => settings({ context: name })).toThrow(InvalidInputError);
    expect(() => settings({ context: name })).toThrow(message);
  });
});

describe("the identity", () => {
  it("comes whole from the first layer that names one", () => {
    context("lab", { user: "ann", password: "old" });
    const env = { NATS_CONTEXT: "lab" };
    expect(identity({}, env)).toEqual({ user: "ann", pass: "old" });
    expect(identity({}, { ...env, NATS_TOKEN: "t" })).toEqual({ auth_token: "t" });
    expect(identity({ user: "bob", password: "b" }, { ...env, NATS_TOKEN: "t" })).toEqual({
      user: "bob",
      pass: "b",
    });
  });

  it("may take the password of the context's user from NATS_PASSWORD", () => {
    context("lab", { user: "ann" });
    expect(identity({}, { NATS_CONTEXT: "lab", NATS_PASSWORD: "new" })).toEqual({ user: "ann", pass: "new" });
  });

  it("is a token when there is a user but no password", () => {
    expect(identity({}, { NATS_USER: "t0ken" })).toEqual({ auth_token: "t0ken" });
  });

  it("signs with a credentials file, and with its successor after a rotation", () => {
    const path = write("app.creds", CREDS);
    const { authenticator } = settings({}, { NATS_CREDS: path });
    const ask = authenticator as (nonce: string) => { jwt: string; sig: string };
    expect(ask("n")).toMatchObject({ jwt: "eyJ0eXAiOiJKV1QifQ.e30.c2ln" });
    expect(ask("n").sig).not.toBe("");
    write("app.creds", CREDS.replace(".c2ln", ".bmV3"));
    expect(ask("n").jwt).toBe("eyJ0eXAiOiJKV1QifQ.e30.bmV3");
    rmSync(path);
    expect(ask("n").jwt).toBe("eyJ0eXAiOiJKV1QifQ.e30.bmV3");
  });

  it("finds paths that start with ~", () => {
    write("keys/user.nk", `${SEED}\n`);
    expect(identity({ nkey: "~/keys/user.nk" })).toMatchObject({ nkey: expect.stringMatching(/^U/) });
  });

  it.each([
    ["creds", "NATS_CREDS", "not credentials"],
    ["nkey", "NATS_NKEY", "not a seed"],
    ["nkey", "NATS_NKEY", SEED.replace("SUAC", "SUAX")],
  ])("refuses a malformed %s file by name", (_, variable, content) => {
    const path = write("malformed", content);
    expect(() => settings({}, { [variable]: path })).toThrow(`${variable}: '${path}' does not hold`);
  });

  it.each(["CREDS", "NKEY", "CA"])("refuses a missing NATS_%s file by name", (name) => {
    const variable = `NATS_${name}`;
    expect(() => settings({}, { [variable]: "/nowhere" })).toThrow(`${variable}: cannot read '/nowhere'`);
  });

  it("names the context file and field of a missing credentials file", () => {
    const path = context("lab", { creds: "/nowhere" });
    expect(() => settings({ context: "lab" })).toThrow(
      `NATS context file '${path}', field 'creds': cannot read '/nowhere'`,
    );
  });
});

describe("TLS files", () => {
  it("are handed to the client by path", () => {
    const env = {
      NATS_CERT: write("c.pem", "c"),
      NATS_KEY: write("k.pem", "k"),
      NATS_CA: write("ca.pem", "a"),
    };
    const tls = { certFile: env.NATS_CERT, keyFile: env.NATS_KEY, caFile: env.NATS_CA };
    expect(settings({}, env).tls).toEqual(tls);
  });

  it("come in pairs of certificate and key", () => {
    expect(() => settings({}, { NATS_CERT: write("c.pem", "c") })).toThrow(/NATS_CERT.*its key/);
  });
});

describe("against a server that asks who we are", () => {
  it("lets user and password in, and keeps others out", async () => {
    await using nats = await startTestNats({ config: 'authorization { user: "ann", password: "secret" }' });
    const env = { NATS_URL: nats.url, NATS_USER: "ann", NATS_PASSWORD: "secret" };
    const connection = await connect(settings({}, env));
    expect(connection.info?.jetstream).toBe(true);
    await connection.close();
    await expect(connect(settings({ password: "wrong" }, env))).rejects.toThrow(/authorization/i);
  });

  it("lets an nkey in", async () => {
    const nkey = write(
      "user.nk",
      `-----BEGIN USER NKEY SEED-----\n${SEED}\n------END USER NKEY SEED------\n`,
    );
    const answer = identity({ nkey }) as { nkey: string };
    await using nats = await startTestNats({ config: `authorization { users: [{ nkey: ${answer.nkey} }] }` });
    const connection = await connect(settings({ nkey, url: nats.url }));
    expect(connection.isClosed()).toBe(false);
    await connection.close();
  });

  it("refuses a server without TLS when the scheme is tls", async () => {
    await using nats = await startTestNats();
    const url = nats.url.replace("nats:", "tls:");
    await expect(connect(settings({ url }))).rejects.toThrow(/tls/);
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

const ROOT = join(import.meta.dirname, "..");

interface ComposeService {
  readonly image: string;
  readonly command: readonly string[];
  readonly restart?: string;
  readonly init?: boolean;
  readonly security_opt?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const text = readFileSync(join(ROOT, "docker-compose.yml"), "utf8");
const { services } = parse(text, { merge: true }) as { services: Record<string, ComposeService> };
const folders = readdirSync(join(ROOT, "services"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const ours = Object.entries(services).filter(([name]) => !["nats", "provision"].includes(name));

describe("docker-compose.yml", () => {
  it("has one container for each folder of services/, besides nats and what sets it up", () => {
    expect(Object.keys(services).sort()).toEqual(["nats", "provision", ...folders].sort());
  });

  it("sets nats up before the services start, and only once", () => {
    expect(services.provision).toMatchObject({
      command: ["services/console/main.ts", "provision"],
      restart: "no",
      depends_on: { nats: { condition: "service_healthy" } },
    });
  });

  it.each(Object.entries(services))(
    "%s: no new privileges, /tmp in memory, no capabilities (A-SEC-1)",
    (_, service) => {
      expect(service.security_opt).toContain("no-new-privileges:true");
      expect(service.tmpfs).toContain("/tmp");
      expect(service.cap_drop).toEqual(["ALL"]);
    },
  );

  it("limits the optimizer to 1 GiB and 2 CPUs (A-SEC-1)", () => {
    expect(services.optimizer).toMatchObject({ mem_limit: "1g", cpus: 2 });
  });

  it.each(ours)("%s runs its own main.ts against nats, once that is healthy and set up", (name, service) => {
    expect(service.command[0]).toBe(`services/${name}/main.ts`);
    expect(service.environment?.NATS_URL).toBe("nats://nats:4222");
    expect(service.depends_on).toEqual({
      nats: { condition: "service_healthy" },
      provision: { condition: "service_completed_successfully" },
    });
  });

  it.each(ours)(
    "%s is asked for its health and has longer to stop than the 20 s it takes to drain",
    (_, service) => {
      expect(service.healthcheck?.test.join(" ")).toMatch(
        /node .*fetch\('http:\/\/127\.0\.0\.1:\d+\/healthz'\)/,
      );
      expect(service.init).toBe(true);
      expect(Number.parseInt(service.stop_grace_period ?? "", 10)).toBeGreaterThan(20);
    },
  );

  it("publishes nothing beyond this machine", () => {
    const published = Object.values(services).flatMap(({ ports }) => ports ?? []);
    expect(published.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
    expect(published).toContain("127.0.0.1:9000:9000");
  });

  it("runs the nats release that the tests run in Docker", () => {
    const container = readFileSync(join(ROOT, "test/support/nats-container.ts"), "utf8");
    expect(container).toContain(`"${services.nats?.image}"`);
  });
});

describe("deploy/Dockerfile", () => {
  const dockerfile = readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8");

  it("runs as an ordinary user and starts node directly, so that SIGTERM arrives", () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node"\]$/m);
  });

  it("installs what the lockfile says, with the pnpm that `npm run setup` uses", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      scripts: { setup: string };
    };
    const pnpm = /pnpm@[\d.]+/.exec(scripts.setup)?.[0];
    expect(dockerfile).toContain(`npx -y ${pnpm} install --frozen-lockfile`);
  });
});

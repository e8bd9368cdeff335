import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../shared/service.ts";

/** Every TypeScript file of a folder with the specifiers it imports, statically or by `import()`. */
function imports(folder: string): { file: string; specifier: string; resolved: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes("node_modules") && !name.includes("dist/"))
    .flatMap((name) => {
      const path = join(ROOT, folder, name);
      const text = readFileSync(path, "utf8");
      return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, specifier]) => {
        const resolved = specifier!.startsWith(".")
          ? relative(ROOT, resolve(path, "..", specifier!))
          : specifier!;
        return { file: relative(ROOT, path), specifier: specifier!, resolved };
      });
    });
}

const isTest = (file: string) => /\.test\.tsx?$|\/testing\/|\.fixture\.ts$/.test(file);
const IO = /^(node:(?!crypto$|util$|assert)|@nats-io|@duckdb|onnxruntime|simple-git|nodemailer|pino|hono)/;

/** Decisions, and whatever of their services they are made with, however many imports away. */
function decisions(all: readonly { file: string; resolved: string }[]): Set<string> {
  const found = new Set(all.map(({ file }) => file).filter((file) => file.endsWith("/decide.ts")));
  // A set goes on with what is added to it meanwhile.
  for (const each of found)
    for (const { file, resolved } of all)
      if (file === each && resolved.startsWith("services/")) found.add(resolved);
  return found;
}

describe("the walls", () => {
  const services = imports("services").filter(({ file }) => !isTest(file));
  const shared = imports("shared").filter(({ file }) => !isTest(file));

  it("services meet on the bus alone: none imports another (K-1)", () => {
    const service = (path: string) => path.split("/")[1];
    const breaches = services.filter(
      ({ file, resolved }) => resolved.startsWith("services/") && service(resolved) !== service(file),
    );
    expect(breaches).toEqual([]);
  });

  it("shared imports no service", () => {
    expect(shared.filter(({ resolved }) => resolved.startsWith("services/"))).toEqual([]);
  });

  it("the bus alone knows NATS", () => {
    const breaches = [...services, ...shared].filter(
      ({ file, specifier }) => specifier.startsWith("@nats-io/") && !file.startsWith("shared/bus/"),
    );
    expect(breaches).toEqual([]);
  });

  it("contracts, statistics, schedules, searches, strategies, detectors and every decision import no I/O", () => {
    const decided = decisions(services);
    expect(decided).toContain("services/inference-buffer/ledger/room.ts");
    const pure = [...services, ...shared].filter(
      ({ file }) =>
        /^shared\/(contracts|statistics|schedule|search|strategy)\//.test(file) ||
        /\/(detectors|judgement|monitor)\/.*$/.test(file) ||
        decided.has(file),
    );
    expect(pure.length).toBeGreaterThan(100);
    expect(
      pure.filter(({ specifier, resolved }) => IO.test(specifier) || resolved.startsWith("shared/bus/")),
    ).toEqual([]);
  });
});

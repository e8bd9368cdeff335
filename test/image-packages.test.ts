import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["services", "shared"].map((name) => join(ROOT, name));

/** The source files that run in the image: no tests, nothing installed, nothing built. */
function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist"].includes(entry.name) ? [] : sources(path);
    return /\.tsx?$/.test(path) && !/\.(test|fixture)\.tsx?$|\/testing\//.test(path) ? [path] : [];
  });
}

/** Packages by name that a file imports, types included; Node's own modules are none. */
function importedPackages(path: string): string[] {
  const specifiers = readFileSync(path, "utf8").matchAll(
    /^(?:import|\} from|.* import\()[^"\n]*"([^".][^"]*)"/gm,
  );
  return [...specifiers]
    .map(([, specifier = ""]) => specifier)
    .filter((specifier) => !specifier.startsWith("node:") && !builtinModules.includes(specifier))
    .map((specifier) =>
      specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/"),
    );
}

/** What the package.json files between a file and the workspace root declare for running. */
function declaredFor(path: string): Set<string> {
  const names = new Set<string>();
  for (let folder = dirname(path); folder !== ROOT; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (!existsSync(manifest)) continue;
    const { dependencies = {} } = JSON.parse(readFileSync(manifest, "utf8")) as {
      dependencies?: Record<string, string>;
    };
    for (const name of Object.keys(dependencies)) names.add(name);
  }
  return names;
}

describe("the image, which holds no development packages", () => {
  it("has every package that a service or shared/ imports", () => {
    const missing = FOLDERS.flatMap(sources).flatMap((path) => {
      const declared = declaredFor(path);
      return importedPackages(path)
        .filter((name) => !declared.has(name))
        .map((name) => `${relative(ROOT, path)} imports ${name}`);
    });
    expect(missing).toEqual([]);
  });
});

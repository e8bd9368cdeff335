/**
 * Builds the page when it is missing or older than what it is built from; `--force` builds anyway. Costs a
 * few milliseconds when nothing changed: Vite is loaded only when it is needed.
 */
import { execFile } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { withFileLock } from "../../../shared/bus/server/lock.ts";

const HERE = import.meta.dirname;
const CONSOLE = join(HERE, "..");
const BUILT = join(HERE, "dist", "index.html");
const LOCK = join(CONSOLE, "node_modules", ".page-build.lock");
const LOCK_TIMEOUT_MS = 60_000;

/** The page imports words and types of the console and contracts of the project. */
const SOURCES = [
  HERE,
  join(CONSOLE, "words"),
  join(CONSOLE, "projection"),
  join(CONSOLE, "package.json"),
  join(CONSOLE, "../../shared/contracts"),
] as const;

/** Whether `built` is missing or some file of `sources` is newer; `dist` and `node_modules` do not count. */
export function isStale(built: string, sources: readonly string[]): boolean {
  const builtMs = statSync(built, { throwIfNoEntry: false })?.mtimeMs;
  return builtMs === undefined || sources.some((source) => newestMs(source) > builtMs);
}

function newestMs(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return /\.test\.tsx?$/.test(path) ? 0 : stat.mtimeMs;
  let newest = 0;
  for (const name of readdirSync(path)) {
    if (name === "dist" || name === "node_modules") continue;
    newest = Math.max(newest, newestMs(join(path, name)));
  }
  return newest;
}

/** Builds where it has to; says whether it did. Of processes that start together one builds, the others wait. */
export async function buildPage(options: { force?: boolean } = {}): Promise<boolean> {
  const isFresh = () => options.force !== true && !isStale(BUILT, SOURCES);
  if (isFresh()) return false;
  return withFileLock(LOCK, LOCK_TIMEOUT_MS, async () => {
    if (isFresh()) return false;
    const { build } = await import("vite");
    await build({ configFile: join(HERE, "vite.config.ts"), logLevel: "warn" });
    return true;
  });
}

/**
 * As `buildPage` in a process of its own, since Vite would keep its 150 MB in one that serves for months. A page that
 * cannot be built stops nothing: the rest of the system does not need it.
 */
export async function freshPage(say: (line: string) => void): Promise<void> {
  if (!isStale(BUILT, SOURCES)) return;
  try {
    await promisify(execFile)(process.execPath, [import.meta.filename]);
  } catch (error) {
    say(
      `the page could not be built, ${statSync(BUILT, { throwIfNoEntry: false }) === undefined ? "there is none" : "an older one is served"}: ${String(error)}`,
    );
  }
}

if (import.meta.main) await buildPage({ force: process.argv.includes("--force") });

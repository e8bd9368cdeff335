import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

export interface StaticFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly immutable: boolean; // its name holds a hash of its content
}

/**
 * The built page in memory, by path: `/`, `/assets/…`. Only files that were there when it was read are ever
 * served, so no path of a request touches the disk. Empty when the page was not built.
 */
export async function loadPage(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const type = TYPES[/\.[a-z0-9]+$/.exec(entry.name)?.[0] ?? ""];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const name = `/${relative(folder, path).replaceAll("\\", "/")}`;
    const file = { body: new Uint8Array(await readFile(path)), type, immutable: name.startsWith("/assets/") };
    files.set(name === "/index.html" ? "/" : name, file);
  }
  return files;
}

import { readFileSync } from "node:fs";

/** What a file holds; undefined where it is none, or cannot be read. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

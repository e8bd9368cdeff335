import type { FileHandle } from "node:fs/promises";

/** Writes parts in one call where the system takes them whole; `writeFile` makes one of every half megabyte. */
export async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  let left = parts.filter(({ length }) => length > 0);
  while (left.length > 0) {
    let { bytesWritten: done } = await file.writev(left);
    left = left.flatMap((part) => {
      const from = Math.min(done, part.length);
      done -= from;
      return from === part.length ? [] : [part.subarray(from)];
    });
  }
}

import type { FileHandle } from "node:fs/promises";

/** Writes all in one call where the system takes it whole; `writeFile` makes one of every half megabyte. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let left = bytes; left.length > 0; ) {
    const { bytesWritten } = await file.write(left);
    left = left.subarray(bytesWritten);
  }
}

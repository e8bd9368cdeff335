import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PieceWriter } from "./piece-writer.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-pieces-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Lengths about those of pieces, which are 262,144 bytes. */
const parts = fc.array(
  fc.oneof(fc.nat(40_000), fc.integer({ min: 262_140, max: 262_150 }), fc.nat(900_000)),
  {
    maxLength: 6,
  },
);

describe("a piece writer", () => {
  it("writes what it is given, beside others", async () => {
    const written = async (lengths: readonly number[], i: number) => {
      const bytes = lengths.map((length, k) => new Uint8Array(length).fill(10 * i + k + 1));
      const path = join(folder, `file-${i}`);
      await write(path, bytes);
      return Buffer.compare(await readFile(path), Buffer.concat(bytes)) === 0;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { minLength: 1, maxLength: 3 }), async (files) =>
        (await Promise.all(files.map(written))).every(Boolean),
      ),
      { numRuns: 50 },
    );
  });

  it.runIf(process.platform === "linux")("says that the disk is full, and the next one works", async () => {
    const bytes = [new Uint8Array(600_000).fill(1)];
    await expect(write("/dev/full", bytes)).rejects.toThrow("ENOSPC");
    const path = join(folder, "next");
    await write(path, bytes);
    expect(Buffer.compare(await readFile(path), bytes[0]!)).toBe(0);
  });
});

/** The caller's bytes are overwritten as soon as they are taken. */
async function write(path: string, parts: readonly Uint8Array[]): Promise<void> {
  await using file = await open(path, "w");
  await using writer = new PieceWriter(file);
  for (const part of parts) {
    const taken = part.slice();
    await writer.write(taken);
    taken.fill(0);
  }
  await writer.end();
}

import type { FileHandle } from "node:fs/promises";
import { writeAll } from "../write-all.ts";

/** A call for each chunk of an artifact would take as long as all the rest of its download. */
const PIECE_BYTES = 256 * 1024;
const MAX_IDLE = 4;

const idle: Uint8Array[] = [];

/**
 * Writes to a file a piece at a time, while the next piece is gathered.
 *
 * Pieces are used again for other files, and what they were copied from is garbage at once: bytes that outlive a few
 * collections of the young generation make V8 go through the whole heap, with threads that requests wait for.
 *
 * The file is the caller's, who closes it after this.
 */
export class PieceWriter implements AsyncDisposable {
  private readonly file: FileHandle;
  private gathering = takePiece();
  private spare = takePiece();
  private filled = 0;
  private writing = Promise.resolve();

  constructor(file: FileHandle) {
    this.file = file;
  }

  /** `bytes` are the caller's again when it resolves. Rejects when an earlier piece could not be written. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      if (this.filled === PIECE_BYTES) await this.next();
      const part = bytes.subarray(from, from + PIECE_BYTES - this.filled);
      this.gathering.set(part, this.filled);
      this.filled += part.length;
      from += part.length;
    }
  }

  /** Resolves when all of it is written. */
  async end(): Promise<void> {
    await this.next();
    await this.writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writing.catch(() => {});
    idle.push(this.gathering, this.spare);
    idle.splice(MAX_IDLE);
  }

  private async next(): Promise<void> {
    await this.writing;
    this.writing = writeAll(this.file, this.gathering.subarray(0, this.filled));
    this.writing.catch(() => {}); // it is waited for, but may fail before
    [this.gathering, this.spare] = [this.spare, this.gathering];
    this.filled = 0;
  }
}

function takePiece(): Uint8Array {
  return idle.pop() ?? new Uint8Array(PIECE_BYTES);
}

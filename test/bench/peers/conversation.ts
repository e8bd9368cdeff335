import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A peer that has gone before it said what was expected of it; the message says why. */
export class PeerSilentError extends Error {}

export interface Conversation {
  /** The next line it says. @throws {PeerSilentError} */
  readonly hear: () => Promise<unknown>;
  readonly say: (value: unknown) => void;
}

/** Talks in lines of JSON with a Python script beside this file, found as `askPython` does, until it has no more to say. */
export function conversation(script: string, args: readonly string[]): Conversation {
  const python = process.env.RETUNE_PYTHON || "python3";
  const peer = spawn(python, [join(import.meta.dirname, script), ...args]);
  const complaints: string[] = [];
  peer.stderr.on("data", (chunk: Buffer) => complaints.push(chunk.toString()));
  const gone = new Promise<string>((resolve) => {
    peer.on("error", ({ message }) => resolve(message));
    peer.on("close", () => resolve(complaints.join("").trim().split("\n").at(-1) || "it has ended"));
  });
  peer.stdin.on("error", () => {}); // of a peer that has gone: `hear` says why
  const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  return {
    hear: async () => {
      const line = await lines.next();
      if (line.done === true) throw new PeerSilentError(`${python}: ${await gone}`);
      return JSON.parse(line.value);
    },
    say: (value) => {
      peer.stdin.write(`${JSON.stringify(value)}\n`);
    },
  };
}

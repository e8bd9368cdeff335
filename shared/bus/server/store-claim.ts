import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UnavailableError } from "../../errors.ts";
import { processInfo, terminate } from "./process-info.ts";

/** Who serves a store: the server and the process that started it. */
const Claim = z.object({ pid: z.int(), owner: z.int(), owner_started: z.string() });
type Claim = z.infer<typeof Claim>;

const GRACE_MS = 10_000;

/**
 * Makes sure that no server works on `storeDir`: two on one store would destroy it. A server left behind
 * by a dead process is ended. It is recognised by the store directory in its command line, so a stranger
 * that inherited its process id is left alone.
 *
 * @throws {UnavailableError} the process that started the server is alive
 */
export async function reclaimStore(storeDir: string): Promise<void> {
  const claim = readClaim(storeDir);
  if (!claim || !processInfo(claim.pid)?.command.includes(storeDir)) return;
  if (processInfo(claim.owner)?.started === claim.owner_started) {
    throw new UnavailableError(
      `'${storeDir}' is in use by nats-server ${claim.pid} of process ${claim.owner}; stop that one first`,
    );
  }
  await terminate(claim.pid, GRACE_MS);
}

/** Records that this process runs server `pid` on the store. */
export function recordClaim(storeDir: string, pid: number): void {
  const claim: Claim = {
    pid,
    owner: process.pid,
    owner_started: processInfo(process.pid)?.started ?? "",
  };
  writeFileSync(claimFile(storeDir), `${JSON.stringify(claim)}\n`);
}

/** Removes the record of server `pid`, unless the store has another by now. */
export function dropClaim(storeDir: string, pid: number): void {
  if (readClaim(storeDir)?.pid === pid) rmSync(claimFile(storeDir), { force: true });
}

function claimFile(storeDir: string): string {
  return join(storeDir, "nats-server.pid.json");
}

function readClaim(storeDir: string): Claim | undefined {
  try {
    return Claim.parse(JSON.parse(readFileSync(claimFile(storeDir), "utf8")));
  } catch {
    return undefined; // absent, or cut off by a crash: nothing to go by
  }
}

import { createHash, randomBytes } from "node:crypto";

/** A fresh UUIDv7: the time in its first 48 bits, so ids sort by age. */
export function newUuidV7(timeMs: number = Date.now()): string {
  return format(timeMs, randomBytes(10));
}

/**
 * A UUIDv7 derived from its cause: the same time and parts give the same id, so that a redelivered message
 * names the same run again. The 74 bits after the time are a SHA-256 of `parts`.
 */
export function deriveUuidV7(timeMs: number, ...parts: readonly string[]): string {
  return format(timeMs, createHash("sha256").update(JSON.stringify(parts)).digest());
}

function format(timeMs: number, bits: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.max(0, Math.floor(timeMs)), 0, 6);
  bytes.set(bits.subarray(0, 10), 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

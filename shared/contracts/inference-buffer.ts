import { z } from "zod";
import { ArtifactDigest, Token } from "./subjects.ts";
import { Entity, Timestamp } from "./telemetry.ts";

/** Request of `inference-buffer.window`: the observations of one series as an artifact. */
export const WindowRequest = z.object({
  series: Token,
  metric: z.string().min(1),
  entity: Entity.nullable().default(null),
  from: Timestamp.optional(),
  to: Timestamp.optional().describe("inclusive; absent: everything known"),
});
export type WindowRequest = z.infer<typeof WindowRequest>;

/** The artifact is Parquet with columns `ts` (timestamp) and `value` (double), ascending, one row a time. */
export const WindowReply = z.object({
  artifact: ArtifactDigest,
  rows: z.int().nonnegative(),
  from: Timestamp.nullable(),
  to: Timestamp.nullable(),
  stream: z
    .object({ last_sequence: z.int().nonnegative() })
    .describe("last TELEMETRY sequence the window has seen"),
});
export type WindowReply = z.infer<typeof WindowReply>;

export const BufferStats = z.object({
  rows: z.int().nonnegative(),
  files: z.int().nonnegative(),
  last_sequence: z.int().nonnegative(),
  pending_predictions: z.int().nonnegative(),
  scored: z.int().nonnegative(),
  quarantined: z.int().nonnegative(),
});
export type BufferStats = z.infer<typeof BufferStats>;

import { z } from "zod";
import { InvalidInputError } from "../../shared/errors.ts";

const BufferConfig = z.object({
  RETUNE_HISTORY_ZONE: z
    .string()
    .min(1)
    .default("UTC")
    .describe("IANA zone whose midnight begins a new file"),
  RETUNE_HISTORY_RETENTION_DAYS: z.coerce.number().int().positive().default(60),
  RETUNE_BUFFER_FLUSH_MS: z.coerce.number().positive().max(60_000).default(1_000),
  RETUNE_BUFFER_FLUSH_ROWS: z.coerce.number().int().positive().max(1_000_000).default(20_000),
});

export interface BufferSettings {
  readonly zone: string;
  readonly retentionDays: number;
  /** Longest time a record waits in memory, in milliseconds. */
  readonly flushMs: number;
  /** Rows after which a part is written at once. */
  readonly flushRows: number;
}

/** @throws {InvalidInputError} naming the variable and what was expected */
export function bufferSettings(env: NodeJS.ProcessEnv): BufferSettings {
  const parsed = BufferConfig.safeParse(
    Object.fromEntries(Object.entries(env).filter(([, value]) => value !== "")),
  );
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new InvalidInputError(`environment variable ${name} is '${env[name]}': ${issue?.message}`);
  }
  const { data } = parsed;
  return {
    zone: data.RETUNE_HISTORY_ZONE,
    retentionDays: data.RETUNE_HISTORY_RETENTION_DAYS,
    flushMs: data.RETUNE_BUFFER_FLUSH_MS,
    flushRows: data.RETUNE_BUFFER_FLUSH_ROWS,
  };
}

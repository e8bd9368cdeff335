import { z } from "zod";
import { readEnv } from "../../shared/env.ts";

const Environment = z.object({
  RETUNE_HISTORY_ZONE: z
    .string()
    .min(1)
    .default("UTC")
    .describe("IANA zone whose midnight begins a new file"),
  RETUNE_HISTORY_RETENTION_DAYS: z.coerce.number().int().positive().default(60),
  RETUNE_HISTORY_OBSERVATIONS_DAYS: z.coerce.number().int().positive().optional(),
  RETUNE_HISTORY_ARCHIVE: z.string().min(1).optional().describe("folder for days past their retention"),
  RETUNE_BUFFER_FLUSH_MS: z.coerce.number().positive().max(60_000).default(1_000),
  RETUNE_BUFFER_FLUSH_ROWS: z.coerce.number().int().positive().max(1_000_000).default(20_000),
});

export interface BufferSettings {
  readonly zone: string;
  /** Days of arrival that are kept whole. */
  readonly retentionDays: number;
  /** Days of arrival whose observations are kept; undefined: as long as a spec needs them. */
  readonly observationDays: number | undefined;
  /** Where days past their retention go whole; undefined: nowhere. */
  readonly archive: string | undefined;
  /** Longest time a record waits in memory, in milliseconds. */
  readonly flushMs: number;
  /** Rows after which a part is written at once. */
  readonly flushRows: number;
}

/** @throws {InvalidInputError} naming the variable, its value and what was expected */
export function bufferSettings(env: NodeJS.ProcessEnv): BufferSettings {
  const set = readEnv(env, Environment);
  return {
    zone: set.RETUNE_HISTORY_ZONE,
    retentionDays: set.RETUNE_HISTORY_RETENTION_DAYS,
    observationDays: set.RETUNE_HISTORY_OBSERVATIONS_DAYS,
    archive: set.RETUNE_HISTORY_ARCHIVE,
    flushMs: set.RETUNE_BUFFER_FLUSH_MS,
    flushRows: set.RETUNE_BUFFER_FLUSH_ROWS,
  };
}

import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rows } from "./duckdb.ts";
import type { History } from "./history.ts";
import { RowBuffer } from "./row-buffer.ts";

export const STREAM = "2026-01-01T00:00:00Z";
export const DAY_MS = 86_400_000;
/** Noon of the day on which things arrive where a test does not say. */
export const DAY_1 = Date.parse("2026-03-01T12:00:00Z");

export const temporaryFolder = () => mkdtemp(join(tmpdir(), "retune-history-"));

/** One observation of `usdclp` a day, the sequence's day of 2026-02, as one batch of one message a row. */
export async function append(
  history: History,
  firstSeq: number,
  values: readonly number[],
  arrivedMs = DAY_1,
): Promise<void> {
  const buffer = new RowBuffer();
  for (const [i, value] of values.entries()) {
    const seq = firstSeq + i;
    const ts = new Date(Date.parse("2026-02-01T00:00:00Z") + seq * DAY_MS).toISOString();
    buffer.add("observation", "usdclp", { seq, idx: 0, arrivedMs }, { ts, values: { value } });
  }
  await appendRows(history, firstSeq, firstSeq + values.length - 1, buffer, arrivedMs);
}

export async function appendRows(
  history: History,
  firstSeq: number,
  lastSeq: number,
  buffer: RowBuffer,
  arrivedMs = DAY_1,
): Promise<void> {
  const day = history.dayOf(arrivedMs);
  await history.append({ stream: STREAM, day, firstSeq, lastSeq, rows: buffer });
}

/** Sequence of each row, in the order of arrival. */
export function sequences(history: History): Promise<number[]> {
  return history.read(async (relation, connection) =>
    (await rows(connection, `SELECT seq::INTEGER AS seq FROM ${relation} ORDER BY arrived, seq`)).map(
      ({ seq }) => seq as number,
    ),
  );
}

export const parquetFiles = async (folder: string) =>
  (await readdir(folder)).filter((name) => name.startsWith("metrics_")).sort();

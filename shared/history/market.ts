import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidInputError } from "../errors.ts";
import { doubles, quote, withMemory } from "./duckdb.ts";
import { appendDoubles, writeQuery } from "./parquet.ts";

/** Prices with the probability of a rise that was forecast at each bar. All [bars], NaN for what is not known. */
export interface MarketRecord {
  /** ms since the epoch */
  readonly times: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly probability: Float64Array;
}

const PRICES = ["open", "high", "low", "close", "probability"] as const;

/** A market as Parquet with `ts`, `open`, `high`, `low`, `close` and `probability`: what a strategy was tuned on. */
export async function packMarket(market: MarketRecord): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "retune-market-"));
  try {
    const path = join(folder, "market.parquet");
    await withMemory(async (connection) => {
      await connection.run(
        `CREATE TEMP TABLE market (ts DOUBLE, ${PRICES.map((each) => `${each} DOUBLE`).join(", ")})`,
      );
      await appendDoubles(connection, "market", [market.times, ...PRICES.map((each) => market[each])]);
      const columns = PRICES.join(", ");
      await writeQuery(
        connection,
        `SELECT make_timestamp_ms(ts::BIGINT) AS ts, ${columns} FROM market ORDER BY ts`,
        path,
      );
    });
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws {InvalidInputError} naming the file when it is no such Parquet file */
export async function readMarket(path: string): Promise<MarketRecord> {
  const columns = PRICES.join(", ");
  const sql = `SELECT epoch_ms(ts)::DOUBLE, ${columns} FROM read_parquet(${quote(path)}) ORDER BY ts`;
  try {
    const [times, open, high, low, close, probability] = await withMemory((connection) =>
      doubles(connection, sql),
    );
    return { times: times!, open: open!, high: high!, low: low!, close: close!, probability: probability! };
  } catch (cause) {
    throw new InvalidInputError(`market '${path}' is no Parquet file with columns ts, ${columns}`, { cause });
  }
}

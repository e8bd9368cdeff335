import { InvalidInputError } from "../errors.ts";
import { doubles, quote, withMemory } from "./duckdb.ts";
import { appendDoubles, queryBytes } from "./parquet.ts";

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
export function packMarket(market: MarketRecord): Promise<Buffer> {
  return withMemory(async (connection) => {
    const columns = PRICES.map((each) => `${each} DOUBLE`).join(", ");
    await connection.run(`CREATE TEMP TABLE market (ts DOUBLE, ${columns})`);
    await appendDoubles(connection, "market", [market.times, ...PRICES.map((each) => market[each])]);
    const query = `SELECT make_timestamp_ms(ts::BIGINT) AS ts, ${PRICES.join(", ")} FROM market ORDER BY ts`;
    return queryBytes(connection, query);
  });
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

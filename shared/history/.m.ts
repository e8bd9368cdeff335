import { openDatabase } from "./duckdb.ts";
import { RowWriter } from "./parquet.ts";
import { RowBuffer } from "./row-buffer.ts";
const db = await openDatabase("/tmp/hist/m.duckdb"); const c = await db.connect();
const w = await RowWriter.create(c, "/tmp/hist/m.parquet");
let t = performance.now();
for (let n = 0; n < 6000; n++) {
  const rb = new RowBuffer();
  for (let i = 0; i < (n % 1000 === 0 ? 50000 : 3); i++) rb.add("observation", "usd", { seq: n * 3000 + i, idx: 0, arrivedMs: 1.7e12 }, { ts: "2020-01-01T00:00:00Z", values: { value: i } });
  if (n % 2) rb.add("score", "f", { seq: n * 3000 + 2999, idx: 0, arrivedMs: 1.7e12 }, { issued_at: "2020-01-01T00:00:00Z", target_ts: "2020-01-01T00:00:00Z", step: 1, error: 1, abs_pct_error: 1, in_interval: true, model_version: "v1" });
  await w.write(rb);
  if (n % 1000 === 999) { console.log(n, ((performance.now() - t) / 1000).toFixed(2), "ms each", (process.memoryUsage().rss / 1e6).toFixed(0), "MB", (await c.runAndReadAll("select estimated_size, table_name from duckdb_tables()")).getRows().join(" "), (await c.runAndReadAll("from duckdb_memory()")).getRows().filter((r) => r[1] as bigint > 0n).join(" ")); t = performance.now(); }
}

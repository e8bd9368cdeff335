import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ROOT } from "../../shared/service.ts";

const FOLDER = process.env.RETUNE_SERIES || join(ROOT, "../shared/data");

/** Why there are no public series to read; undefined where there are. They are read where they lie, never copied. */
export function missingSeries(): string | undefined {
  if (existsSync(join(FOLDER, "MANIFEST.csv"))) return undefined;
  return `no series at '${FOLDER}' (RETUNE_SERIES names the folder)`;
}

export interface PublicSeries {
  /** `<series>/<metric>` */
  readonly name: string;
  readonly values: number[];
  /** ISO 8601, of each value */
  readonly times: string[];
}

/** All series of one file, sorted by time. */
export function readSeries(file: string): PublicSeries[] {
  const bySeries = new Map<string, [string, number][]>();
  for (const [ts, series, metric, value] of readRows(`${file}.csv.gz`, true)) {
    const name = `${series}/${metric}`;
    const rows = bySeries.get(name) ?? [];
    rows.push([ts!, Number(value)]);
    bySeries.set(name, rows);
  }
  return [...bySeries].map(([name, rows]) => {
    rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return { name, values: rows.map(([, value]) => value), times: rows.map(([ts]) => ts) };
  });
}

/** The rows of a file without its header. */
export function readRows(file: string, zipped: boolean): string[][] {
  const bytes = readFileSync(join(FOLDER, file));
  const text = (zipped ? gunzipSync(bytes) : bytes).toString("utf8");
  return text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));
}

/** Means of `count` values each; what is left over at the end is dropped. */
export function pooled(values: readonly number[], count: number): number[] {
  return Array.from({ length: Math.floor(values.length / count) }, (_, k) => {
    const part = values.slice(k * count, (k + 1) * count);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

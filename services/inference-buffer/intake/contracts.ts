import { stat } from "node:fs/promises";
import { SeriesContract } from "../../../shared/contracts/series.ts";
import { explain } from "../../../shared/errors.ts";
import { quote, rows, timestamp } from "../../../shared/history/duckdb.ts";
import type { History } from "../../../shared/history/history.ts";
import { nameOf, readNamed, yamlFiles } from "../../../shared/named-files.ts";
import { type Rules, type SeriesRules, seriesRules } from "./validate.ts";

/** How far back entities are remembered when the process starts. */
const MEMORY_MS = 30 * 86_400_000;

/**
 * The contracts of a folder, `<series>.yaml` each. A file that is none takes nothing away: the contract it had
 * before stays, so that a slip of the pen neither stops telemetry nor lets bad telemetry in.
 */
export class ContractFiles {
  private readonly folder: string;
  private contracts = new Map<string, SeriesContract>();
  private seen = "";

  constructor(folder: string) {
    this.folder = folder;
  }

  all(): ReadonlyMap<string, SeriesContract> {
    return this.contracts;
  }

  /**
   * Reads the folder again where something in it has changed.
   *
   * @returns whether it had, and what is wrong with its files: file, line, field and expectation
   */
  async refresh(): Promise<{ changed: boolean; problems: string[] } | undefined> {
    const paths = await yamlFiles(this.folder);
    const states = await Promise.all(paths.map((path) => stat(path, { bigint: true })));
    const seen = states
      .map(({ mtimeNs, size, ino }, i) => `${paths[i]} ${ino} ${size} ${mtimeNs}`)
      .join("\n");
    if (seen === this.seen) return undefined;
    const next = new Map<string, SeriesContract>();
    const problems: string[] = [];
    for (const path of paths) {
      const series = nameOf(path);
      try {
        next.set(series, await readNamed(path, SeriesContract, "series"));
      } catch (error) {
        problems.push(explain(error));
        const before = this.contracts.get(series);
        if (before !== undefined) next.set(series, before);
      }
    }
    const changed = JSON.stringify([...next]) !== JSON.stringify([...this.contracts]);
    this.contracts = next;
    this.seen = seen;
    return { changed, problems };
  }
}

/**
 * Rules of the contracts, each with the memory that the history implies: the newest observation of every entity
 * of the last 30 days before the newest of the series. `before` keeps the memory of what has not changed.
 */
export async function recallRules(
  history: History,
  contracts: ReadonlyMap<string, SeriesContract>,
  before: Rules,
): Promise<Rules> {
  const rules = new Map<string, SeriesRules>();
  for (const [series, contract] of contracts) {
    const same = before.get(series);
    if (same !== undefined && JSON.stringify(same.contract) === JSON.stringify(contract)) {
      rules.set(series, same);
      continue;
    }
    const made = seriesRules(contract);
    await recall(history, series, made);
    rules.set(series, made);
  }
  return rules;
}

async function recall(history: History, series: string, { memory }: SeriesRules): Promise<void> {
  await history.read(async (relation, connection) => {
    const seen = `kind = 'observation' AND id = ${quote(series)}`;
    const [newest] = await rows(
      connection,
      `SELECT epoch_ms(max(ts))::DOUBLE AS t FROM ${relation} WHERE ${seen}`,
    );
    if (typeof newest?.t !== "number") return;
    const result = await connection.run(
      `SELECT entity, metric, epoch_ms(max(ts))::DOUBLE AS t, arg_max(value, (ts, arrived, seq, idx)) AS value
       FROM ${relation} WHERE ${seen} AND ts >= ${timestamp(newest.t - MEMORY_MS)} GROUP BY entity, metric ORDER BY t`,
    );
    const names = result.deduplicatedColumnNames();
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) break;
      for (const row of chunk.getRowObjects(names) as unknown as Newest[])
        memory.accept({
          ts: new Date(row.t).toISOString(),
          ...(row.entity === null ? {} : { entity: row.entity }),
          values: { [row.metric]: row.value },
        });
    }
  });
}

interface Newest {
  readonly entity: string | null;
  readonly metric: string;
  readonly t: number;
  readonly value: number;
}

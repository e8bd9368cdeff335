import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection } from "./duckdb.ts";
import { moveDurably, removeAll, sha256Of, syncFile, syncFolder } from "./files.ts";
import { type FileEntry, type Manifest, mergedSubjects, subjectsOf } from "./manifest.ts";
import { dayFile, type Merge, OBSERVATIONS_LEVEL, planUpkeep, type UpkeepRules } from "./merge-plan.ts";
import { writeQuery } from "./parquet.ts";
import { relationIn } from "./relation.ts";
import { SCHEMA_VERSION } from "./schema.ts";

interface Kept {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly writer: DuckDBConnection;
  /** Folder that gets each day whole when its retention is over. */
  readonly archive: string | undefined;
  readonly rules: UpkeepRules;
}

/** Does what `planUpkeep` says to the files of a history, which nothing else may write or read meanwhile. */
export class HistoryKeeper {
  private readonly folder: string;
  private readonly manifest: Manifest;
  private readonly writer: DuckDBConnection;
  private readonly archive: string | undefined;
  private readonly rules: UpkeepRules;

  constructor({ folder, manifest, writer, archive, rules }: Kept) {
    this.folder = folder;
    this.manifest = manifest;
    this.writer = writer;
    this.archive = archive;
    this.rules = rules;
  }

  /**
   * Archives, deletes and merges. When it rejects, what is done is done, and the next call goes on.
   *
   * @param today and observationDays as `planUpkeep`
   */
  async keepUp(today: string, observationDays: number): Promise<void> {
    const files = [...this.manifest.state.files.values()];
    const plan = planUpkeep(files, today, this.rules, observationDays);
    if (this.archive !== undefined)
      for (const { day, files: leaving } of plan.leaving) await this.archiveDay(this.archive, day, leaving);
    if (plan.expired.length > 0) await this.drop(plan.expired);
    for (const merge of plan.merges) await this.merge(merge);
    if (plan.merges.length > 0) await this.manifest.rewrite();
  }

  private async archiveDay(archive: string, day: string, files: readonly FileEntry[]): Promise<void> {
    await mkdir(archive, { recursive: true });
    const temporary = join(archive, `${dayFile(day)}.tmp`);
    await writeQuery(this.writer, `SELECT * FROM ${relationIn(this.folder, files)}`, temporary);
    await syncFile(temporary);
    const { sha256 } = await sha256Of(temporary);
    for (let n = 0; ; n++) {
      const path = join(archive, n === 0 ? dayFile(day) : `metrics_${day}.${n}.parquet`);
      const there = await sha256Of(path).catch(() => undefined);
      if (there === undefined) return moveDurably(temporary, path);
      // A crash came between archiving and cutting; a day that was added to since gets another file.
      if (there.sha256 === sha256) return removeAll([temporary]);
    }
  }

  private async merge({ day, from, file, level }: Merge): Promise<void> {
    const temporary = `${file}.merged`;
    const path = join(this.folder, temporary);
    const sources = from.map((each) => each.file);
    const which = level === OBSERVATIONS_LEVEL ? " WHERE kind = 'observation'" : "";
    try {
      const relation = relationIn(this.folder, from);
      const rows = await writeQuery(this.writer, `SELECT * FROM ${relation}${which}`, path);
      if (rows === 0) {
        await removeAll([path]);
        await this.drop(sources);
        return;
      }
      await syncFile(path);
      const { stream } = from.at(-1)!;
      const also = new Set(from.flatMap((each) => [each.stream, ...(each.also ?? [])]));
      also.delete(stream);
      const into: FileEntry = {
        file,
        day,
        stream,
        ...(also.size === 0 ? {} : { also: [...also] }),
        first_seq: Math.min(...from.map((each) => each.first_seq)),
        last_seq: Math.max(...from.map((each) => each.last_seq)),
        ...subjectsOf(also.size === 0 ? mergedSubjects(from) : undefined),
        rows,
        schema: SCHEMA_VERSION,
        level,
        ...(await sha256Of(path)),
      };
      await syncFolder(this.folder);
      // From this line on the merged file counts and its sources do not; the next start finishes what a crash leaves undone.
      await this.manifest.append({ merge: { into, temporary, from: sources } });
    } catch (error) {
      await removeAll([path]);
      throw error;
    }
    await moveDurably(path, join(this.folder, file));
    await this.remove(sources.filter((each) => each !== file));
  }

  private async drop(files: readonly string[]): Promise<void> {
    await this.manifest.append({ drop: { files: [...files], why: "retention" } });
    await this.remove(files);
  }

  /** What cannot be removed is a leftover, which the next start tries again. */
  private async remove(files: readonly string[]): Promise<void> {
    await removeAll(files.map((file) => join(this.folder, file))).catch(() => {});
  }
}

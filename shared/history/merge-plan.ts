import { daysBefore } from "./day.ts";
import type { FileEntry } from "./manifest.ts";

export interface Merge {
  readonly day: string;
  /** In the order of arrival. */
  readonly from: readonly FileEntry[];
  readonly file: string;
  readonly level: number;
}

export interface UpkeepPlan {
  readonly expired: readonly string[];
  readonly merges: readonly Merge[];
}

export interface UpkeepRules {
  /** Files of one level in one day that are merged into one of the next level. */
  readonly mergeAt: number;
  readonly retentionDays: number;
}

/** Level of a file that holds a whole day. */
export const DAY_LEVEL = -1;

/** Name of a day's file. */
export function dayFile(day: string): string {
  return `metrics_${day}.parquet`;
}

/** Name of a part of a day, told from `taken` by a letter where a stream created anew repeats sequences. */
export function partFile(
  day: string,
  firstSeq: number,
  lastSeq: number,
  taken: (file: string) => boolean,
): string {
  for (let n = 0; ; n++) {
    const file = `metrics_${day}.part-${firstSeq}-${lastSeq}${n === 0 ? "" : `.${n}`}.parquet`;
    if (!taken(file)) return file;
  }
}

/**
 * What upkeep has to do: files older than `retentionDays` go; all files of a day that is over become the
 * day's file (D-BUF-1); while it is open, `mergeAt` files of one level become one of the next, so that a row
 * is written again only log(rows) times. Pure.
 *
 * @param today the day of now, in the zone of the history
 */
export function planUpkeep(files: readonly FileEntry[], today: string, rules: UpkeepRules): UpkeepPlan {
  const oldest = daysBefore(today, rules.retentionDays);
  const expired = files.filter(({ day }) => day < oldest).map(({ file }) => file);
  const taken = new Set(files.map(({ file }) => file));
  const days = Map.groupBy(
    files.filter(({ day }) => day >= oldest),
    ({ day }) => day,
  );
  const merges: Merge[] = [];
  for (const [day, unordered] of days) {
    const entries = unordered.toSorted((a, b) =>
      a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : a.first_seq - b.first_seq,
    );
    if (day < today) {
      if (entries.length > 1 || entries[0]!.level !== DAY_LEVEL)
        merges.push({ day, from: entries, file: dayFile(day), level: DAY_LEVEL });
      continue;
    }
    for (const [level, same] of Map.groupBy(entries, (entry) => entry.level)) {
      if (level === DAY_LEVEL || same.length < rules.mergeAt) continue;
      const file = partFile(day, same[0]!.first_seq, same.at(-1)!.last_seq, (name) => taken.has(name));
      merges.push({ day, from: same, file, level: level + 1 });
      taken.add(file);
    }
  }
  return { expired, merges };
}

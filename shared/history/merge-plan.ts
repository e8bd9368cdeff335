import { daysBefore } from "./day.ts";
import { byArrival, type FileEntry } from "./manifest.ts";

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
  /** Files that are about to be cut or deleted and hold a day's arrivals whole, by day. */
  readonly leaving: readonly { readonly day: string; readonly files: readonly FileEntry[] }[];
}

export interface UpkeepRules {
  /** Files of one level in one day that are merged into one of the next level. */
  readonly mergeAt: number;
  /** Days of arrival that are kept whole. */
  readonly retentionDays: number;
}

/** Level of a file that holds a whole day. */
export const DAY_LEVEL = -1;
/** Level of a file that holds what is kept of a day past its retention: its observations. */
export const OBSERVATIONS_LEVEL = -2;
/** More days than this are as good as forever, and calendars end somewhere. */
const FOREVER_DAYS = 100_000;

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
 * What upkeep has to do: files older than `observationDays` go; of a day older than `retentionDays` only the
 * observations stay; all files of a day that is over become the day's file (D-BUF-1); while it is open,
 * `mergeAt` files of one level become one of the next, so that a row is written again only log(rows) times.
 * Pure.
 *
 * @param today the day of now, in the zone of the history
 * @param observationDays days of arrival; less than `retentionDays` counts as that, Infinity keeps them all
 */
export function planUpkeep(
  files: readonly FileEntry[],
  today: string,
  rules: UpkeepRules,
  observationDays: number,
): UpkeepPlan {
  const oldestWhole = oldestOf(today, rules.retentionDays);
  const oldest = oldestOf(today, Math.max(rules.retentionDays, observationDays));
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
      const level = day < oldestWhole ? OBSERVATIONS_LEVEL : DAY_LEVEL;
      // A lower level than wanted is no work either: what a longer retention would keep is gone.
      if (entries.length > 1 || entries[0]!.level > level)
        merges.push({ day, from: entries, file: dayFile(day), level });
      continue;
    }
    for (const [level, same] of Map.groupBy(entries, (entry) => entry.level)) {
      if (level < 0 || same.length < rules.mergeAt) continue;
      const file = partFile(day, same[0]!.first_seq, same.at(-1)!.last_seq, (name) => taken.has(name));
      merges.push({ day, from: same, file, level: level + 1 });
      taken.add(file);
    }
  }
  const whole = files.filter(({ day, level }) => day < oldestWhole && level !== OBSERVATIONS_LEVEL);
  const leaving = [...Map.groupBy(whole, ({ day }) => day)].map(([day, same]) => ({
    day,
    files: same.toSorted(byArrival),
  }));
  return { expired, merges, leaving };
}

/** First of the last `days` days before `today`; "" comes before every day. */
function oldestOf(today: string, days: number): string {
  return days < FOREVER_DAYS ? daysBefore(today, days) : "";
}

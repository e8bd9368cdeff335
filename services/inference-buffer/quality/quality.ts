import { durationMs } from "../../../shared/contracts/duration.ts";
import type { QualityScore } from "../../../shared/contracts/inference-buffer.ts";
import type { SeriesContract } from "../../../shared/contracts/series.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";

export const DAY_MS = 86_400_000;

/** What was counted of one UTC day of one series. */
export interface DayCounts {
  readonly observations: number;
  readonly repeats: number;
  readonly late: number;
  readonly gaps: number;
  readonly longestGapMs: number;
  /** Entities with an observation. */
  readonly entities: number;
  /** By entity that is alive, observations up to what is expected; and what is expected. */
  readonly asExpected: number;
  readonly expected: number;
  /** Up to 1,000 of the entities that are alive and have no observation, and how many there are. */
  readonly missing: readonly string[];
  readonly missingTotal: number;
}

/** What a series is measured by. */
export interface Expectation {
  /** Expected time between observations of an entity; undefined: it is inferred from the day. */
  readonly everyMs: number | undefined;
  readonly maxGapMs: number | undefined;
  readonly calendar: "all" | "weekdays";
}

/** The contract's word, else that of the specs that forecast the series: the shortest step, and their calendar. */
export function expectationOf(
  contract: SeriesContract | undefined,
  specs: readonly ForecasterSpec[],
): Expectation {
  const steps = specs.map(({ step }) => durationMs(step));
  const everyMs = contract?.every === undefined ? undefined : durationMs(contract.every);
  return {
    everyMs: everyMs ?? (steps.length === 0 ? undefined : Math.min(...steps)),
    maxGapMs: contract?.max_gap === undefined ? undefined : durationMs(contract.max_gap),
    calendar: contract?.calendar ?? specs[0]?.calendar ?? "all",
  };
}

/** Whether anything is expected on a day: on a weekday calendar nothing is on Saturday and Sunday. */
export function isExpected(dayMs: number, calendar: Expectation["calendar"]): boolean {
  const weekday = new Date(dayMs).getUTCDay();
  return calendar === "all" || (weekday !== 0 && weekday !== 6);
}

/**
 * The quality of one day from its counts.
 *
 *     completeness = Σ over entities that are alive of min(seen, expected) / Σ expected
 *     quarantined_share = quarantined / (quarantined + observations)
 *
 * An entity is alive for 7 days after an observation; a new one is from its first observation on. Where the
 * step is unknown or above a day, or the day is none of the calendar, nothing is expected and nobody missing.
 */
export function qualityOf(
  about: {
    readonly series: string;
    readonly dayMs: number;
    readonly partial: boolean;
    readonly everyMs: number | null;
  },
  counts: DayCounts,
  setAside: { readonly refused: number; readonly duplicates: number },
): QualityScore {
  const { series, dayMs, partial, everyMs } = about;
  const { observations, expected, asExpected } = counts;
  const arrived = setAside.refused + observations;
  const isMeasured = everyMs !== null && everyMs <= DAY_MS && expected > 0;
  return {
    series,
    day: new Date(dayMs).toISOString().slice(0, 10),
    partial,
    every_ms: everyMs,
    observations,
    expected: isMeasured ? expected : null,
    completeness: isMeasured ? asExpected / expected : null,
    quarantined: setAside.refused,
    quarantined_share: arrived === 0 ? 0 : setAside.refused / arrived,
    duplicates: setAside.duplicates + counts.repeats,
    late: counts.late,
    gaps: counts.gaps,
    longest_gap_ms: counts.longestGapMs,
    entities: counts.entities,
    entities_missing: isMeasured ? [...counts.missing] : [],
    entities_missing_total: isMeasured ? counts.missingTotal : 0,
  };
}

/** What is worse than its contract allows, in words; empty for a good day. */
export function breaches(score: QualityScore, limits: SeriesContract["quality"]): string[] {
  const { completeness, quarantined_share, entities_missing, entities_missing_total } = score;
  const found: string[] = [];
  if (completeness !== null && completeness < limits.completeness)
    found.push(`completeness ${completeness.toFixed(3)}, expected at least ${limits.completeness}`);
  if (quarantined_share > limits.quarantined)
    found.push(`share in quarantine ${quarantined_share.toFixed(3)}, expected at most ${limits.quarantined}`);
  if (entities_missing_total > limits.entities_missing) {
    const names = entities_missing.slice(0, 5).join(", ");
    const more = entities_missing_total > 5 ? ", …" : "";
    found.push(
      `${entities_missing_total} entities without an observation (${names}${more}), expected at most ${limits.entities_missing}`,
    );
  }
  return found;
}

import { durationMs } from "../../shared/contracts/duration.ts";
import { activeIntervals, type Incident, type Interval } from "../../shared/contracts/incidents.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type Season, seasonMs, seasonOf } from "./ledger/seasonal-naive.ts";

/** A prediction waits this long past its target, in data time of its series; then its truth counts as missing. */
export const PATIENCE_MS = 30 * 86_400_000;

/** What a forecaster forecasts. */
export interface Target {
  readonly series: string;
  readonly metric: string;
  /** Member of the series where a prediction names none; null: observations without an entity. */
  readonly entity: string | null;
  readonly season: Season | undefined;
  /** Its predictions that wait. */
  waiting: number;
}

/** How far a series has come in data time, in milliseconds. */
export interface Progress {
  /** Time of the newest observation of any entity. */
  newestMs: number;
  /** The newest when the lines of the series were last cleared of what has waited too long. */
  sweptAtMs: number;
}

/** A prediction that waits for its truth. Times in milliseconds. */
export interface Pending {
  readonly forecaster: string;
  readonly issuedMs: number;
  readonly targetMs: number;
  readonly step: number;
  readonly entity: string | undefined;
  readonly mean: number;
  readonly lower: number;
  readonly upper: number;
  readonly quantiles: Quantiles | undefined;
  readonly modelVersion: string;
  readonly variant: "champion" | "challenger" | undefined;
}

/** Equally long; many predictions share one array of levels. */
export interface Quantiles {
  readonly levels: readonly number[];
  readonly values: readonly number[];
}

/** What is known of one metric of one entity of one series. */
export interface Line {
  /** Ascending times of observations and the value at each. */
  readonly times: number[];
  readonly values: number[];
  /** By target time, then by the prediction's identity. */
  readonly pending: Map<number, Map<string, Pending>>;
  /** By target time: identities of predictions that have their score, of targets after `forgottenMs`. */
  readonly scored: Map<number, Set<string>>;
  /** Newest observation when the line was last cleared of old ones. */
  clearedAtMs: number;
  /** What was scored of targets up to here is not remembered any more: a prediction of them comes too late. */
  forgottenMs: number;
}

/**
 * The ledger of predictions and truth. It is one value that the functions of `decide.ts` change in place:
 * copying a million entries for each record would make it useless. Rebuilt from Parquet on start.
 */
export interface Ledger {
  readonly targets: ReadonlyMap<string, Target>;
  /** Metrics that a forecaster forecasts, by series. */
  readonly watched: ReadonlyMap<string, ReadonlySet<string>>;
  /** How long observations of each series are kept, in milliseconds. */
  readonly keptMs: ReadonlyMap<string, number>;
  /** By series, metric and entity; "" where there is none. */
  readonly lines: Map<string, Map<string, Map<string, Line>>>;
  /** Of each series that is watched. */
  readonly progress: ReadonlyMap<string, Progress>;
  /** Intervals of incidents about each forecaster or its series. Replaced when one is raised or cleared. */
  incidents: ReadonlyMap<string, readonly Interval[]>;
  /** While the past is being read no score is given out: the next message may be that very score. */
  holding: boolean;
  /** Short names of (forecaster, variant, version), which a million identities hold. */
  readonly codes: Map<string, number>;
  points: number;
  pending: number;
  /** Identities in all lines. */
  scored: number;
  /** Predictions dropped because no truth came, or for want of room. */
  missing: number;
}

/** An empty ledger for what the specs forecast. */
export function newLedger(specs: readonly ForecasterSpec[], incidents: readonly Incident[] = []): Ledger {
  const targets = new Map<string, Target>();
  const watched = new Map<string, Set<string>>();
  const keptMs = new Map<string, number>();
  const progress = new Map<string, Progress>();
  for (const spec of specs) {
    const { forecaster, series, metric, entity = null } = spec;
    const season = seasonOf(spec);
    targets.set(forecaster, { series, metric, entity, season, waiting: 0 });
    progress.set(series, { newestMs: -Infinity, sweptAtMs: -Infinity });
    watched.set(series, (watched.get(series) ?? new Set()).add(metric));
    keptMs.set(series, Math.max(neededMs(spec, season), keptMs.get(series) ?? 0));
  }
  return {
    targets,
    watched,
    keptMs,
    lines: new Map(),
    progress,
    incidents: incidentsByForecaster(specs, incidents),
    holding: true,
    codes: new Map(),
    points: 0,
    pending: 0,
    scored: 0,
    missing: 0,
  };
}

/** As long as a prediction may wait, back to the time it was issued, and on to what the baselines forecast from. */
function neededMs({ horizon }: ForecasterSpec, season: Season | undefined): number {
  const horizonMs = durationMs(horizon);
  return PATIENCE_MS + horizonMs + Math.max(horizonMs, season === undefined ? 0 : seasonMs(season));
}

/** What each forecaster's scores are marked by; forecasters without an incident are left out. */
export function incidentsByForecaster(
  specs: readonly ForecasterSpec[],
  incidents: readonly Incident[],
): Map<string, readonly Interval[]> {
  const found = new Map<string, readonly Interval[]>();
  if (incidents.length === 0) return found;
  for (const { forecaster, series } of specs) {
    const intervals = activeIntervals(incidents, { series, forecaster });
    if (intervals.length > 0) found.set(forecaster, intervals);
  }
  return found;
}

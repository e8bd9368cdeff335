import type { OutageReason } from "../../shared/contracts/fleet-monitor.ts";
import type { Interval } from "../../shared/contracts/incidents.ts";
import { FleetLevel } from "./fleet-level.ts";
import { Roster } from "./roster.ts";
import { Spacing } from "./spacing.ts";
import { WindowByCount, WindowByTime } from "./unknown-rate.ts";

/** What decisions depend on besides what was seen. Times in milliseconds. */
export interface FleetParams {
  /** Window of the unknown rate by time. */
  readonly windowMs: number;
  /** Window of the unknown rate by count, in predictions. */
  readonly windowCount: number;
  /** A silence is an outage when it is longer than so many usual gaps … */
  readonly outageFactor: number;
  /** … and longer than this. */
  readonly leastOutageMs: number;
  /** Part of the active entities that must fall silent at once, with nobody in their place. */
  readonly outageShare: number;
  /** A fleet outage longer than this is believed: its entities are gone. */
  readonly believedAfterMs: number;
  /** More entities of a series are turned away: a request id taken for an entity must not fill the memory. */
  readonly mostEntities: number;
}

/** Time that is nobody's silence though nobody saw an outage: incidents and maintenance windows. */
export type Excused = readonly Interval[];

/** An outage that is over. */
export interface Outage extends Interval {
  readonly reason: OutageReason;
}

/** Most of a fleet fell silent at once: those whose last observation lies in [fromMs, untilMs]. */
export interface FleetOutage {
  readonly sinceMs: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Active entities before. */
  readonly before: number;
}

/** The model behind a forecaster's champion predictions, and when it was first and last seen, in event time. */
export interface Model {
  readonly version: string;
  readonly sinceMs: number;
  readonly lastMs: number;
}

/** All that is known of one series. Changed in place by `decide.ts`: a million entities are not copied for each record. */
export interface Fleet {
  readonly series: string;
  readonly roster: Roster;
  /** Newest observation: silence is measured at it, so a feed that stops silences nobody. */
  newestMs: number;
  /** Event time of the last look for a fleet that fell silent at once. */
  checkedMs: number;
  /** When, by the shell's clock, the newest observation came. Only for showing an outage while it lasts. */
  heardMs: number;
  spacing: Spacing;
  /** Over, ascending by their end. */
  readonly outages: Outage[];
  feedOutage: { readonly sinceMs: number; readonly reason: OutageReason } | null;
  fleetOutage: FleetOutage | null;
  /** Entities last seen by then are gone, however many at once. */
  believedMs: number;
  /** Metrics that fingerprints are made of. */
  readonly metrics: string[];
  level: FleetLevel;
  /** Newcomers that look like somebody who vanished, by their names; see `recogniseRenames`. */
  readonly renames: Map<string, { readonly from: string; readonly score: number }>;
  readonly byTime: WindowByTime;
  readonly byCount: WindowByCount;
  readonly models: Map<string, Model>;
  /** Observations of entities beyond `mostEntities`, since the start. */
  turnedAway: number;
  lastSequence: number;
  /** Creation time of the stream that `lastSequence` counts in. */
  stream: string;
  /** Shards that changed since they were saved. */
  readonly dirty: Set<number>;
}

export function newFleet(series: string, stream: string, params: FleetParams): Fleet {
  return {
    series,
    roster: new Roster(),
    newestMs: Number.NEGATIVE_INFINITY,
    checkedMs: Number.NEGATIVE_INFINITY,
    heardMs: Number.NEGATIVE_INFINITY,
    spacing: newSpacing(params),
    outages: [],
    feedOutage: null,
    fleetOutage: null,
    believedMs: Number.NEGATIVE_INFINITY,
    metrics: [],
    level: new FleetLevel(),
    renames: new Map(),
    byTime: new WindowByTime(params.windowMs),
    byCount: new WindowByCount(params.windowCount),
    models: new Map(),
    turnedAway: 0,
    lastSequence: 0,
    stream,
    dirty: new Set(),
  };
}

/** Gaps are told apart down to a tenth of the shortest outage: a minute of ten. */
export function newSpacing(
  { leastOutageMs }: FleetParams,
  gapsMs: readonly number[] = [],
  denseMs = 0,
): Spacing {
  return new Spacing(leastOutageMs / 10, gapsMs, denseMs);
}

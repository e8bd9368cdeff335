import { randomKey } from "../../../shared/forecasting/random.ts";
import { autocorrelationTime } from "../../../shared/statistics/autocorrelation.ts";
import { seasonalBlockBootstrap } from "../../../shared/statistics/block-bootstrap.ts";
import { moments } from "../../../shared/statistics/sample.ts";
import { learnSeasonalProfile, withoutSeason } from "../../../shared/statistics/seasonal-profile.ts";

/** The part of a series that is learned from; what comes later is watched. */
const PAST = 0.4;
/** Unless a kind says otherwise windows follow from the season alone. */
const LEAST_RECENT = 20;
const REFERENCES = 4;
const EVALUATIONS_PER_WINDOW = 24;

/** All in steps of the series. */
export interface Windows {
  readonly period: number;
  readonly recent: number;
  readonly reference: number;
  /** from one evaluation to the next */
  readonly every: number;
}

/** A recent window against the four before, looked at 24 times while it passes or at every step. */
export function windowsFor(period: number, recent = Math.max(period, LEAST_RECENT)): Windows {
  const every = Math.max(1, Math.floor(recent / EVALUATIONS_PER_WINDOW));
  return { period, recent, reference: REFERENCES * recent, every };
}

/** Something that changed or went wrong between two steps of the watched part, both inclusive. */
export interface Label {
  readonly from: number;
  readonly to: number;
  /** whether the series was another one from then on */
  readonly lasting?: boolean;
}

/** In evaluations: until a recent window has passed, a second alarm says nothing new. */
export function coolDownOf({ recent, every }: Windows): number {
  return Math.ceil(recent / every);
}

/** What detectors go through: a lead of recent + reference steps, in which they only warm up, then the watched part. */
export interface Sequence {
  /** in standard deviations of the past, its season taken out */
  readonly clean: Float64Array;
  /** in standard deviations of the past, as they came: what a detector without a notion of seasons gets */
  readonly raw: Float64Array;
}

export interface Stream {
  readonly name: string;
  readonly windows: Windows;
  /** learned from, clean */
  readonly past: Float64Array;
  readonly watched: Sequence;
  readonly labels: readonly Label[];
}

/**
 * Cuts a series into the past and the watched part and takes the past's season (median per phase) and scale out of
 * both.
 *
 * @param labels in steps of the whole series
 * @param recent steps in the recent window; a season or 20 steps where it is left out
 */
export function streamOf(
  name: string,
  values: ArrayLike<number>,
  period: number,
  labels: readonly Label[],
  recent?: number,
): Stream {
  const windows = windowsFor(period, recent);
  const steps = Float64Array.from(values, (_, t) => t);
  const cut = Math.floor(PAST * values.length);
  const all = Float64Array.from(values);
  const season = { periodMs: period, phases: period };
  const profile =
    period > 1 ? learnSeasonalProfile(steps.subarray(0, cut), all.subarray(0, cut), season) : null;
  const clean = scaled(profile === null ? all : withoutSeason(steps, all, profile), cut);
  const lead = cut - windows.recent - windows.reference;
  if (lead < 0) throw new RangeError(`'${name}' is too short: ${cut} values before the watched part`);
  return {
    name,
    windows,
    past: clean.slice(0, cut),
    watched: { clean: clean.slice(lead), raw: scaled(all, cut).slice(lead) },
    labels: labels
      .filter(({ to }) => to >= cut)
      .map((label) => ({ ...label, from: label.from - cut, to: label.to - cut })),
  };
}

function scaled(values: Float64Array, cut: number): Float64Array {
  const { mean, std } = moments(values.subarray(0, cut));
  return values.map((value) => (value - mean) / (std > 0 ? std : 1));
}

export function leadOf({ windows }: Stream): number {
  return windows.recent + windows.reference;
}

/**
 * As long as the watched part, drawn from it in blocks that keep season and dependence, so that an alarm is a false
 * one: seasons with a label and all after a lasting one are left out, and what else changed is spread over all of it.
 * Blocks are a season or five autocorrelation times long, at most a quarter of what is left.
 */
export function shuffled(stream: Stream, seed: number): Sequence {
  const { watched, windows } = stream;
  const kept = unlabelledSteps(stream);
  const values = Float64Array.from(kept, (t) => watched.clean[t]!);
  const n = kept.length;
  const wanted = Math.ceil(Math.max(windows.period, 5 * autocorrelationTime(values)));
  const block = Math.min(wanted, Math.floor(n / 4), n - windows.period);
  const indexes = seasonalBlockBootstrap(n, windows.period, block, randomKey(seed), watched.clean.length);
  return {
    clean: Float64Array.from(indexes, (i) => watched.clean[kept[i]!]!),
    raw: Float64Array.from(indexes, (i) => watched.raw[kept[i]!]!),
  };
}

/** Steps of the sequence in whole seasons that no label touches; the lead is among them. */
function unlabelledSteps(stream: Stream): number[] {
  const { period } = stream.windows;
  const lead = leadOf(stream);
  const last = Math.min(
    ...stream.labels.filter(({ lasting }) => lasting).map(({ from }) => from + lead),
    stream.watched.clean.length,
  );
  const touched = (from: number) =>
    stream.labels.some((label) => label.to + lead >= from && label.from + lead < from + period);
  const seasons = Array.from({ length: Math.floor(last / period) }, (_, k) => k * period);
  return seasons
    .filter((from) => !touched(from))
    .flatMap((from) => Array.from({ length: period }, (_, k) => from + k));
}

/** The sequence with all values from a step of it on changed: lifted by `shift` stds, spread around 0 by a factor. */
export function changed(
  { clean, raw }: Sequence,
  from: number,
  { shift, spread }: { readonly shift: number; readonly spread: number },
): Sequence {
  const target = clean.map((value, t) => (t < from ? value : spread * value + shift));
  // Raw values differ from clean ones by the season and by scale; the change is the same.
  const ratio = moments(clean).std / moments(raw).std;
  return {
    clean: target,
    raw: raw.map((value, t) => value + (target[t]! - clean[t]!) / (ratio > 0 ? ratio : 1)),
  };
}

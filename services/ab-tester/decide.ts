import type { ShadowComparison, Trialled } from "../../shared/contracts/ab-tester.ts";
import { modelVersion } from "../../shared/contracts/live-config.ts";
import type { Score } from "../../shared/contracts/telemetry.ts";
import type { Tally, TestState } from "./state.ts";

/** Scores that wait for their other side; the oldest are given up. Most have none: their forecast is older than the test. */
const MAX_WAITING = 2_000;

export type TestEvent =
  | { readonly kind: "scores"; readonly sequence: number; readonly records: readonly Score[] }
  | { readonly kind: "time"; readonly atMs: number };

export interface Verdict {
  readonly outcome: Trialled["outcome"];
  readonly reasons: readonly string[];
}

export interface Decision {
  readonly state: TestState;
  readonly verdict: Verdict | undefined;
  /** Another quarter of the pairs that are needed has come in: worth telling. */
  readonly measured: boolean;
}

/**
 * Champion and challenger on the same targets. (A-FUT-1)
 *
 * A pair is a score of each for the same (issued_at, target_ts, entity), of the two model versions the test began
 * with; other versions, and forecasts that only one of them made, do not count. The test ends
 *
 *     with `min_scores` pairs      promote where RMSE(challenger) < RMSE(champion), else keep-champion
 *     at `ends_at` with fewer      insufficient
 *
 * Idempotent: a message at or below `tally.sequence` changes nothing. Replayable: depends on the arguments alone.
 */
export function decide(state: TestState, event: TestEvent): Decision {
  const undecided: Decision = { state, verdict: undefined, measured: false };
  if (state.status !== "running") return undecided;
  if (event.kind === "time") {
    const over = event.atMs >= Date.parse(state.ends_at) || state.tally.pairs >= state.min_scores;
    return { ...undecided, verdict: over ? verdictOf(state) : undefined };
  }
  if (event.sequence <= state.tally.sequence) return undecided;
  const tally = fold(state, event);
  const next: TestState = { ...state, tally };
  const quarter = (pairs: number) => Math.floor((4 * pairs) / state.min_scores);
  return {
    state: next,
    verdict: tally.pairs >= state.min_scores ? verdictOf(next) : undefined,
    measured: quarter(tally.pairs) > quarter(state.tally.pairs),
  };
}

/** What the pairs say so far. */
export function comparisonOf({ pairs, champion, challenger }: Tally): ShadowComparison {
  const share = (sum: number) => (pairs === 0 ? null : sum / pairs);
  const rmse = (squares: number) => (pairs === 0 ? null : Math.sqrt(squares / pairs));
  const champion_rmse = rmse(champion.squares);
  const challenger_rmse = rmse(challenger.squares);
  const comparable = champion_rmse !== null && challenger_rmse !== null && champion_rmse > 0;
  return {
    pairs,
    champion_rmse,
    challenger_rmse,
    champion_coverage: share(champion.inside),
    challenger_coverage: share(challenger.inside),
    improvement: comparable ? 1 - challenger_rmse / champion_rmse : null,
  };
}

/** The verdict if the test ended now. */
export function verdictOf({ tally, min_scores }: TestState): Verdict {
  const { pairs, champion_rmse, challenger_rmse } = comparisonOf(tally);
  if (pairs < min_scores || champion_rmse === null || challenger_rmse === null) {
    return {
      outcome: "insufficient",
      reasons: [`shadow comparison: ${pairs} of ${min_scores} pairs of scores came in time`],
    };
  }
  const better = challenger_rmse < champion_rmse;
  const said = `challenger RMSE ${figure(challenger_rmse)} against the champion's ${figure(champion_rmse)} on ${pairs} pairs`;
  return {
    outcome: better ? "promote" : "keep-champion",
    reasons: [`shadow comparison: ${said}, which is ${better ? "better" : "no improvement"}`],
  };
}

function fold(state: TestState, { sequence, records }: Extract<TestEvent, { kind: "scores" }>): Tally {
  const { tally } = state;
  const waiting = { ...tally.waiting };
  const sums = { champion: { ...tally.champion }, challenger: { ...tally.challenger } };
  const versions = {
    champion: state.champion.model_version,
    challenger: modelVersion(state.challenger_config, "challenger"),
  };
  let { pairs } = tally;
  for (const { variant = "champion", model_version, error, in_interval: inside, ...score } of records) {
    if (model_version !== versions[variant] || score.in_incident) continue;
    const key = [score.issued_at, score.target_ts, score.entity ?? ""].join(" ");
    const other = waiting[key];
    if (other === undefined || other.variant === variant) {
      waiting[key] = { variant, error, inside };
      continue;
    }
    delete waiting[key];
    pairs += 1;
    for (const half of [other, { variant, error, inside }]) {
      sums[half.variant].squares += half.error ** 2;
      sums[half.variant].inside += half.inside ? 1 : 0;
    }
  }
  return { ...tally, ...sums, sequence, pairs, waiting: newest(waiting) };
}

function newest<T>(waiting: Record<string, T>): Record<string, T> {
  const entries = Object.entries(waiting);
  return entries.length <= MAX_WAITING ? waiting : Object.fromEntries(entries.slice(-MAX_WAITING));
}

function figure(value: number): string {
  return Number(value.toPrecision(4)).toString();
}

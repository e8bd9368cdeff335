import type { Check } from "../../shared/contracts/deployer.ts";
import { durationMs } from "../../shared/contracts/duration.ts";
import type { WatchSpec } from "../../shared/contracts/spec.ts";
import type { Score } from "../../shared/contracts/telemetry.ts";
import type { ScoreSums, WatchState } from "./state.ts";

/** The newest heartbeat of one instance. */
export interface InstanceHealth {
  readonly instance: string;
  readonly status: "waiting" | "ok" | "degraded";
  readonly live_revision: number;
  readonly fresh: boolean; // whether it came recently enough to count
  readonly error?: string;
}

/** What one look at a forecaster saw. */
export interface Look {
  readonly at: string; // ISO-8601, domain time
  readonly instances: readonly InstanceHealth[];
  readonly scores: readonly Score[]; // since the last look
  readonly scoreSequence: number; // last message of TELEMETRY that `scores` covers
}

export interface WatchDecision {
  readonly state: WatchState;
  readonly verdict: "go-on" | "roll-back" | "verified";
}

const KEPT_CHECKS = 10;

type StepSums = NonNullable<ScoreSums[string]>;

/**
 * One check of a deployment under watch. (A-MON-1)
 *
 * Healthy: at least one instance reported recently, each of those is `ok` and serves the deployed revision or
 * a newer one, and the scores do not speak against it (see `scoreRatio`). `failures` failed checks in a row
 * roll back; a success resets the count. The first success at or after `duration` ends the watch well: it
 * never ends on a failed check.
 *
 * Idempotent: a look at or before the last one, or before one `every` has passed since the deployment, changes
 * nothing. Replayable: depends on the arguments alone.
 */
export function decide(state: WatchState, look: Look, params: WatchSpec): WatchDecision {
  if (state.phase !== "watching" || isEarly(state, look.at, params)) return { state, verdict: "go-on" };
  const scores = look.scores.reduce((sums, score) => fold(sums, score, state), state.scores);
  const measured = { ...state, scores, score_sequence: look.scoreSequence };
  const check = examine(measured, look, params);
  const next: WatchState = {
    ...measured,
    checks: state.checks + 1,
    failed_checks: state.failed_checks + (check.healthy ? 0 : 1),
    consecutive_failures: check.healthy ? 0 : state.consecutive_failures + 1,
    last_checks: [...state.last_checks, check].slice(-KEPT_CHECKS),
    last_check_at: look.at,
  };
  if (next.consecutive_failures >= params.failures) return { state: next, verdict: "roll-back" };
  const ended = Date.parse(look.at) >= Date.parse(state.from) + durationMs(params.duration);
  return { state: next, verdict: ended && check.healthy ? "verified" : "go-on" };
}

/** Whether it is too early to look: another deployer has just looked, or the forecaster has had no time yet. */
export function isEarly(state: WatchState, at: string, params: Pick<WatchSpec, "every">): boolean {
  const everyMs = durationMs(params.every);
  const now = Date.parse(at);
  if (now < Date.parse(state.from) + everyMs) return true;
  return state.last_check_at !== null && now < Date.parse(state.last_check_at) + everyMs / 2;
}

function examine(state: WatchState, { at, instances }: Look, params: WatchSpec): Check {
  const fresh = instances.filter((each) => each.fresh);
  const reasons: string[] = [];
  if (fresh.length === 0) reasons.push("no heartbeat of any instance");
  for (const { instance, status, live_revision, error } of fresh) {
    if (status !== "ok") reasons.push(`${instance} is ${status}${error === undefined ? "" : `: ${error}`}`);
    else if (live_revision < state.revision) {
      reasons.push(`${instance} serves revision ${live_revision}, expected ${state.revision} or newer`);
    }
  }
  const { ratio, n, rmse, expected } = scoreRatio(state);
  if (ratio !== null && n >= params.min_scores && ratio > params.max_rmse_ratio) {
    reasons.push(
      `RMSE ${show(rmse)} of ${n} scores is ${show(ratio)} times the champion's ${show(expected)}, more than ${params.max_rmse_ratio}`,
    );
  }
  const figures = { instances: fresh.length, rmse_ratio: ratio, scores: n, rmse, champion_rmse: expected };
  return { at, healthy: reasons.length === 0, reasons, figures };
}

export interface ScoreRatio {
  readonly ratio: number | null;
  readonly n: number;
  readonly rmse: number | null;
  readonly expected: number | null;
}

/**
 * RMSE of the new config's scores over what the champion's errors let expect at the same steps:
 *
 *     expected² = Σ_h n_h · MSE_champion(h) / Σ_h n_h        h: step of the forecast, n_h: new scores at h
 *
 * Weighting by step matters because errors grow with the horizon and a new config's first scores are of short
 * steps. Steps the champion has no scores of are left out; where it has none at all, its validation RMSE
 * stands in for every step. Null for a first deployment, and while there is nothing to compare.
 *
 * Of a fleet MSE_champion(h) is taken times the last value's MSE on the new scores at h over that on the champion's: the
 * entities differ in size, and those scored since need not be those that were scored before.
 */
export function scoreRatio({ first_deployment, previous, scores }: WatchState): ScoreRatio {
  const none = { ratio: null, n: count(scores.current), rmse: null, expected: null };
  if (first_deployment || previous === null) return none;
  const measured = Object.keys(scores.previous).length > 0;
  let [n, squares, expectedSquares] = [0, 0, 0];
  for (const [step, current] of Object.entries(scores.current)) {
    const champion = scores.previous[step];
    const championMse = champion
      ? champion.squares / champion.n
      : measured
        ? undefined
        : (previous.validation_rmse ?? Number.NaN) ** 2;
    if (championMse === undefined || Number.isNaN(championMse)) continue;
    n += current.n;
    squares += current.squares;
    expectedSquares += current.n * championMse * harder(current, champion);
  }
  if (n === 0) return none;
  const [rmse, expected] = [Math.sqrt(squares / n), Math.sqrt(expectedSquares / n)];
  // A champion without any error makes every error of the new config too much.
  const ratio = expected > 0 ? rmse / expected : rmse > 0 ? Number.MAX_VALUE : 1;
  return { ratio, n, rmse, expected };
}

/** How much harder a fleet was to forecast for the new scores than for the champion's; 1 where it cannot be told. */
function harder({ naive: now }: StepSums, champion: StepSums | undefined): number {
  const before = champion?.naive;
  if (now === undefined || before === undefined || !(now.squares > 0 && before.squares > 0)) return 1;
  return now.squares / now.n / (before.squares / before.n);
}

function fold(sums: WatchState["scores"], score: Score, state: WatchState): WatchState["scores"] {
  if (score.variant === "challenger") return sums;
  if (score.model_version === state.model_version) return { ...sums, current: add(sums.current, score) };
  if (score.model_version === state.previous?.model_version)
    return { ...sums, previous: add(sums.previous, score) };
  return sums;
}

function add(sums: ScoreSums, { step, error, entity, naive_error }: Score): ScoreSums {
  const before: StepSums = sums[step] ?? { n: 0, squares: 0 };
  const after: StepSums = { ...before, n: before.n + 1, squares: before.squares + error * error };
  if (entity === undefined || naive_error === undefined) return { ...sums, [step]: after };
  const { n, squares } = before.naive ?? { n: 0, squares: 0 };
  return { ...sums, [step]: { ...after, naive: { n: n + 1, squares: squares + naive_error ** 2 } } };
}

function count(sums: ScoreSums): number {
  return Object.values(sums).reduce((total, { n }) => total + n, 0);
}

function show(value: number | null): string {
  return value === null ? "unknown" : String(Number(value.toPrecision(4)));
}

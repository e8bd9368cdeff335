import type { PolicyOutcome } from "../../../shared/contracts/simulation.ts";
import type { Score } from "../../../shared/contracts/telemetry.ts";
import { Evaluated, Refused } from "../../../shared/contracts/trigger.ts";
import type { Played } from "./play.ts";
import { medianSeconds, type RecordedRun } from "./recorded-runs.ts";
import type { RecordedEvent } from "./recording.ts";

/** Event time that is reported on: `fromMs <= t < toMs`. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a policy came to, in the time that is reported on. */
export function outcomeOf(
  policy: PolicyOutcome["policy"],
  played: Played,
  scores: readonly Score[],
  range: Range,
  about: { readonly basis: PolicyOutcome["served"]["basis"]; readonly divergedMs: number | null },
): PolicyOutcome {
  const runs = played.runs.filter(({ atMs }) => within(range, atMs));
  const evaluations = played.evaluations.filter(({ atMs }) => within(range, atMs));
  const seconds = runs.map((run) => run.seconds);
  return {
    policy,
    evaluations: evaluations.length,
    alarms: evaluations.filter(({ alarm }) => alarm).length,
    insufficient: evaluations.filter(({ insufficient }) => insufficient).length,
    refused: played.refused.filter(({ atMs }) => within(range, atMs)).length,
    runs: runs.map(({ atMs, accepted: { cause, reasons }, outcome }) => ({
      at: new Date(atMs).toISOString(),
      cause,
      reasons,
      outcome,
    })),
    compute_s: seconds.includes(null) ? null : seconds.reduce<number>((sum, each) => sum + each!, 0),
    ...errors(scores, range, about.basis),
    diverged_at: about.divergedMs === null ? null : new Date(about.divergedMs).toISOString(),
  };
}

/** What happened, in the same figures. */
export function recordedOutcome(
  runs: readonly RecordedRun[],
  events: readonly RecordedEvent[],
  scores: readonly Score[],
  range: Range,
): PolicyOutcome {
  const evaluations: Played["evaluations"][number][] = [];
  const refused: Played["refused"][number][] = [];
  for (const { subject, event } of events) {
    const atMs = Date.parse(event.time);
    if (subject.startsWith("retrain.evaluated.")) {
      const { data } = Evaluated.safeParse(event.data);
      if (data === undefined) continue;
      const insufficient = data.detectors.some(({ fired }) => fired === null);
      evaluations.push({ atMs, alarm: data.should_optimize, insufficient });
    } else if (subject.startsWith("retrain.refused.")) {
      const { data } = Refused.safeParse(event.data);
      if (data !== undefined) refused.push({ atMs, reason: data.reason });
    }
  }
  const median = medianSeconds(runs);
  const played = {
    evaluations,
    refused,
    // A run that failed before its search was over took about as long as the others.
    runs: runs.map((run) => ({ ...run, seconds: run.seconds ?? median })),
  };
  return outcomeOf("recorded", played, scores, range, { basis: "observed", divergedMs: null });
}

/** Squared errors by day of the target and over all, of the champion alone. */
function errors(
  scores: readonly Score[],
  range: Range,
  basis: PolicyOutcome["served"]["basis"],
): Pick<PolicyOutcome, "served" | "daily"> {
  const days = new Map<string, { sum: number; n: number }>();
  for (const { target_ts, error, variant } of scores) {
    if (variant === "challenger" || !within(range, Date.parse(target_ts))) continue;
    const day = target_ts.slice(0, 10);
    const known = days.get(day) ?? { sum: 0, n: 0 };
    days.set(day, { sum: known.sum + error ** 2, n: known.n + 1 });
  }
  const daily = [...days]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, { sum, n }]): [string, number, number] => [day, sum, n]);
  const count = daily.reduce((all, [, , n]) => all + n, 0);
  const sum = daily.reduce((all, [, each]) => all + each, 0);
  return { served: { rmse: count === 0 ? null : Math.sqrt(sum / count), scores: count, basis }, daily };
}

function within({ fromMs, toMs }: Range, atMs: number): boolean {
  return atMs >= fromMs && atMs < toMs;
}

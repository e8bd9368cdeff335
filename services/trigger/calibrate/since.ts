import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Calibration } from "../../../shared/contracts/spec-detectors.ts";
import { Evaluated } from "../../../shared/contracts/trigger.ts";
import type { RecordedEvent } from "../simulate/recording.ts";
import { budgetOf } from "./budget.ts";
import { poissonTail } from "./poisson.ts";

/** Times `evaluate_every` that one evaluation speaks for at most: nobody looked in a longer silence. */
const MOST_INTERVALS = 4;
/** A budget counts as broken where so many alarms come by chance more seldom than this. */
const SIGNIFICANCE = 0.05;
const DAY_MS = 86_400_000;

/** What became of a calibrated threshold. */
export interface Since {
  readonly verdict: "within" | "broken" | "unknown";
  readonly days: number;
  readonly alarms: number;
  readonly expected: number;
  readonly p_value: number;
}

/**
 * Alarms since a calibration, from the receipts of evaluations: those whose statistic reached the stored threshold,
 * whether or not that was in force, one per cool-down at most. Evaluations that cannot tell count neither as time nor
 * as alarm, and those that somebody asked for are left out.
 *
 * The budget is broken when P(N >= alarms) < 0.05 for N ~ Poisson(budget · time). Cool-down makes alarms more even
 * than a Poisson process, so the test rather keeps silent. It does not know which alarms were true.
 */
export function alarmsSince(
  { detector, threshold, budget, to }: Calibration,
  events: readonly RecordedEvent[],
  { trigger }: Pick<ForecasterSpec, "trigger">,
): Since {
  const cooldownMs = durationMs(trigger.cooldown);
  const longestMs = MOST_INTERVALS * durationMs(trigger.evaluate_every);
  let [before, lastAlarm] = [Date.parse(to), Number.NEGATIVE_INFINITY];
  let [lookedMs, alarms, told] = [0, 0, 0];
  for (const { atMs, statistic } of statisticsOf(detector, events)) {
    if (atMs <= before) continue;
    if (statistic !== null) {
      told += 1;
      lookedMs += Math.min(atMs - before, longestMs);
      if (statistic >= threshold && atMs - lastAlarm >= cooldownMs) {
        alarms += 1;
        lastAlarm = atMs;
      }
    }
    before = atMs;
  }
  const allowed = budgetOf(budget);
  const expected = (allowed.alarms * lookedMs) / allowed.perMs;
  const p_value = poissonTail(alarms, expected);
  const verdict = told === 0 ? "unknown" : p_value < SIGNIFICANCE ? "broken" : "within";
  return { verdict, days: lookedMs / DAY_MS, alarms, expected, p_value };
}

function statisticsOf(detector: Calibration["detector"], events: readonly RecordedEvent[]) {
  return events
    .flatMap(({ subject, event }) => {
      if (!subject.startsWith("retrain.evaluated.")) return [];
      const { data } = Evaluated.safeParse(event.data);
      const found = data?.detectors.find((each) => each.detector === detector);
      const inputs = data?.evidence.inputs as { confirms?: unknown } | undefined;
      if (found === undefined || inputs?.confirms === false) return [];
      const { event_time = event.time } = data!.evidence as { event_time?: string };
      return [{ atMs: Date.parse(event_time), statistic: found.statistic }];
    })
    .sort((a, b) => a.atMs - b.atMs);
}

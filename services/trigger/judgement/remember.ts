import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import type { Report } from "../decide.ts";
import { lastHandled } from "../handled.ts";
import type { MonitorState, Trail } from "../state.ts";
import type { Situation } from "./situation.ts";

/** Most evaluations that a trend is drawn through; each receipt carries them. */
const MAX_TRAIL = 100;

/** What earlier evaluations left for the next: part of its inputs. */
export function memoryOf({ streak, trails }: MonitorState): Pick<EvaluationInputs, "streak" | "trails"> {
  const told = Object.entries(trails).map(([detector, trail]): [string, [string, number][]] => [
    detector,
    trail.map(([at, statistic]) => [new Date(at).toISOString(), statistic]),
  ]);
  return { streak, trails: Object.fromEntries(told) };
}

/**
 * The state after an evaluation: how many in a row said yes, what the foreseen detectors' statistics were, and up to
 * where telemetry is in a receipt. One that somebody asked for leaves no trace but the last.
 */
export function remember(
  state: MonitorState,
  report: Report,
  { spec, nowMs, inputs }: Omit<Situation, "monitor">,
): MonitorState {
  const told = {
    ...state,
    deployed_at: inputs.deployment === null ? null : Date.parse(inputs.deployment.at),
    receipt: { scores: lastHandled(state.scores), observations: lastHandled(state.observations) },
    late: { scores: [], observations: [] },
  };
  if (!inputs.confirms) return told;
  const streak = report.combination?.verdict === true ? state.streak + 1 : 0;
  return { ...told, streak, trails: trailsAfter(state, report, spec, nowMs) };
}

function trailsAfter(
  { trails }: MonitorState,
  { detectors }: Report,
  { trigger: { crossing } }: ForecasterSpec,
  nowMs: number,
): MonitorState["trails"] {
  if (!crossing.enabled) return {};
  const settings = [crossing, { ...crossing, ...crossing.trial }];
  return Object.fromEntries(
    settings.map(({ of, window }): [string, Trail] => {
      const windowMs = durationMs(window);
      const kept = (trails[of] ?? []).filter(([at]) => at > nowMs - windowMs && at < nowMs);
      const statistic = detectors.find(({ detector }) => detector === of)?.statistic ?? null;
      const isSoon = nowMs - (kept.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY) < windowMs / MAX_TRAIL;
      return [of, statistic === null || isSoon ? kept : [...kept, [nowMs, statistic]]];
    }),
  );
}

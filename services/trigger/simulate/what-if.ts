import type { PolicyOutcome } from "../../../shared/contracts/simulation.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Points } from "../../../shared/forecasting/context.ts";
import { observedValue } from "../monitor/monitor.ts";
import { Laboratory } from "./laboratory.ts";
import { outcomeOf, type Range, recordedOutcome } from "./outcome.ts";
import { play } from "./play.ts";
import { policies } from "./policies.ts";
import type { Recording } from "./recording.ts";
import type { Setting } from "./settings.ts";
import { factsOf, LaboratoryWorld, NOTHING_RECORDED, RecordedWorld } from "./worlds.ts";

/** Every policy on what was recorded, the error being that of what was really served. */
export async function onRecording(
  recording: Recording,
  settings: readonly Setting[],
  range: Range,
): Promise<PolicyOutcome[]> {
  const { spec } = recording.specs.at(-1)!;
  const facts = factsOf(recording);
  const scores = recording.scores.flatMap(({ records }) => records);
  const outcomes = [recordedOutcome(facts.runs, recording.events, scores, range)];
  for (const each of policies(spec, settings)) {
    const world = new RecordedWorld(recording, facts, each.spec);
    const played = await play(each.spec, world);
    const divergedMs = firstOf([
      ...played.runs.filter(({ outcome }) => outcome === null).map(({ atMs }) => atMs),
      ...[...world.unmatched].map(({ atMs }) => atMs),
    ]);
    const basis = divergedMs === null ? "observed" : "assumed";
    outcomes.push(outcomeOf(each.policy, played, scores, range, { basis, divergedMs }));
  }
  return outcomes;
}

/** Every policy with its own searches and forecasts, on the observations alone. */
export async function inLaboratory(
  spec: ForecasterSpec,
  points: Points,
  settings: readonly Setting[],
  range: Range,
  parts: { readonly modelPath: string | undefined; readonly recording: Recording | undefined },
): Promise<PolicyOutcome[]> {
  const { recording } = parts;
  const facts = recording === undefined ? NOTHING_RECORDED : factsOf(recording);
  const scores = recording?.scores.flatMap(({ records }) => records) ?? [];
  const outcomes =
    recording === undefined ? [] : [recordedOutcome(facts.runs, recording.events, scores, range)];
  for (const each of policies(spec, settings)) {
    const laboratory = await Laboratory.open(each.spec, points, parts.modelPath);
    try {
      const world = new LaboratoryWorld({
        spec: each.spec,
        points,
        laboratory,
        served: null,
        facts,
      });
      const played = await play(each.spec, world);
      const about = { basis: "simulated", divergedMs: null } as const;
      outcomes.push(outcomeOf(each.policy, played, world.scores, range, about));
    } finally {
      await laboratory.release();
    }
  }
  return outcomes;
}

/** Observations of the forecaster's metric, entity and bounds, the newest arrival of a time winning. */
export function pointsOf({ observations, specs }: Recording): Points {
  const { spec } = specs.at(-1)!;
  const values = new Map<number, number>();
  for (const { records, latestMs } of observations)
    for (const record of records) {
      const value = observedValue(record, spec);
      const at = Date.parse(record.ts);
      if (value !== undefined && at <= latestMs) values.set(at, value);
    }
  const times = [...values.keys()].sort((a, b) => a - b);
  return { times, values: times.map((time) => values.get(time)!) };
}

function firstOf(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.min(...times);
}

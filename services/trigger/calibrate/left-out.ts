import { activeIntervals, type Interval } from "../../../shared/contracts/incidents.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { parseStepSubject } from "../../../shared/contracts/subjects.ts";
import type { ToldIncidents } from "../../../shared/incidents.ts";
import { foldLife } from "../monitor/life.ts";
import type { RecordedEvent } from "../simulate/recording.ts";
import { initialMonitor } from "../state.ts";
import type { LeftOutTimes } from "./telemetry.ts";

/** Incidents of the series and the forecaster as they are known by now, and the lives of configs that were rolled back. */
export function leftOutOf(
  { series, forecaster }: Pick<ForecasterSpec, "series" | "forecaster">,
  incidents: ReadonlyMap<string, ToldIncidents>,
  events: readonly RecordedEvent[],
): LeftOutTimes {
  const known = [...new Set([series, forecaster])].flatMap(
    (target) => incidents.get(target)?.state.incidents ?? [],
  );
  return {
    values: activeIntervals(known, { series }),
    errors: [...activeIntervals(known, { series, forecaster }), ...rolledBack(forecaster, events)],
  };
}

function rolledBack(forecaster: string, events: readonly RecordedEvent[]): Interval[] {
  let state = initialMonitor(forecaster);
  for (const { subject, event } of events) {
    const parts = parseStepSubject(subject);
    if (parts !== undefined) state = foldLife(state, parts.step, parts.run, Date.parse(event.time));
  }
  return state.rolled_back.flatMap(({ from, to }) => (to === null ? [] : [{ fromMs: from, toMs: to }]));
}

import { type Incident, intervalOf } from "../../../shared/contracts/incidents.ts";
import type { ArbiterStatus } from "../../../shared/contracts/trigger.ts";
import { moment, printable } from "../words/format.ts";
import { pendingText, scheduleText } from "../words/timing.ts";
import type { NoteView } from "./view.ts";

/**
 * What a person should know of a forecaster besides its figures: incidents that last, a run that waits, the next
 * scheduled one.
 *
 * @param newestMs newest observation: an incident that was over by then, and a scheduled time that has passed, are none
 */
export function notesOf(
  incidents: readonly Incident[],
  timing: ArbiterStatus | undefined,
  newestMs: number,
): NoteView[] {
  const open = incidents.filter((each) => {
    const { fromMs, toMs } = intervalOf(each);
    return fromMs < toMs && newestMs < toMs;
  });
  const pending = timing?.pending ?? null;
  const next = timing?.next_schedule ?? null;
  return [
    ...open.map(incidentNote),
    ...(pending === null ? [] : [{ kind: "waiting" as const, text: pendingText(pending), title: null }]),
    ...(next === null || Date.parse(next.at) <= newestMs
      ? []
      : [{ kind: "scheduled" as const, text: scheduleText(next), title: null }]),
  ];
}

function incidentNote({ incident, scope, from, to, reason, by }: Incident): NoteView {
  const about = "series" in scope ? "the series" : "this forecaster";
  const span = to === null ? `since ${moment(from)}` : `from ${moment(from)} to ${moment(to)}`;
  return {
    kind: "incident",
    text: `incident of ${about} ${span}: ${printable(reason)}`,
    title: `${incident}, by ${printable(by)}: kept out of references, scores and training`,
  };
}

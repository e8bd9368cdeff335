import type { Bus } from "../../shared/bus/bus.ts";
import type { Message } from "../../shared/bus/message.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { Score } from "../../shared/contracts/telemetry.ts";
import type { WatchState } from "./state.ts";

/** How far back the champion's scores count as recent. Machine time, as the stream keeps it. */
const RECENT_MS = 7 * 86_400_000;

/**
 * Scores that came since the last reading; at the first one the recent scores, which are mostly the champion's. Those
 * of an incident say nothing about a config.
 */
export async function readScores(
  bus: Pick<Bus, "read">,
  state: WatchState,
): Promise<{ scores: Score[]; sequence: number }> {
  const from =
    state.score_sequence > 0
      ? { fromSequence: state.score_sequence + 1 }
      : { fromTime: new Date(state.started_at_ms - RECENT_MS) };
  const scores: Score[] = [];
  let sequence = state.score_sequence;
  for await (const message of bus.read("TELEMETRY", {
    filter: subjects.telemetry("score", state.forecaster),
    ...from,
  })) {
    sequence = message.sequence;
    for (const each of records(message)) {
      const { data } = Score.safeParse(each);
      if (data !== undefined && data.in_incident !== true) scores.push(data);
    }
  }
  return { scores, sequence };
}

/** A payload is one record or several; one that is no JSON has none. */
function records(message: Message): unknown[] {
  try {
    const payload = message.json();
    return Array.isArray(payload) ? payload : [payload];
  } catch {
    return [];
  }
}

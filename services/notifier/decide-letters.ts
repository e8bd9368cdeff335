import type { DeadLetter } from "../../shared/contracts/alerts.ts";
import { remember } from "./decide.ts";
import type { LettersState } from "./state.ts";

export type LettersEvent =
  | { readonly kind: "letter"; readonly sequence: number; readonly at: string; readonly message: string }
  | { readonly kind: "tick"; readonly at: string };

/** What people are told of one group: one dead letter at once, or several at the end of a window. */
export interface LettersAlert {
  readonly cause: string; // the same cause gives the same alert
  readonly at: string;
  readonly message: string;
  readonly causedBy: readonly number[];
  readonly figures: Readonly<Record<string, number | string>>;
}

export interface LettersDecision {
  readonly state: LettersState;
  readonly alerts: readonly LettersAlert[];
}

/**
 * Folds one dead letter of a group, or the passing of time, into its state, and says what people are told.
 *
 *     none told within `windowMs`   the letter, at once; a window begins
 *     in a window                   counted
 *     a window ends with a count    one alert for all of them; the next window begins
 *     a window ends without one     the next letter is told at once
 *
 * So a group is told about once a window however long it goes on. Idempotent: a sequence that was folded changes
 * nothing. Replayable: depends on the arguments alone.
 */
export function decideLetters(state: LettersState, event: LettersEvent, windowMs: number): LettersDecision {
  if (event.kind === "tick") return closed(state, event.at, windowMs);
  const { sequence, at, message } = event;
  const seen = remember(state.seen, sequence);
  if (seen === undefined) return { state, alerts: [] };
  const { state: now, alerts } = closed({ ...state, seen }, at, windowMs);
  if (now.window_from !== null)
    return { state: { ...now, counted: now.counted + 1, last: { sequence, message } }, alerts };
  const alert = { cause: String(sequence), at, message, causedBy: [sequence], figures: {} };
  return { state: { ...now, window_from: at }, alerts: [...alerts, alert] };
}

/** Ends the windows that are over at `at`. */
function closed(state: LettersState, at: string, windowMs: number): LettersDecision {
  const { window_from: from, counted, last } = state;
  if (from === null || Date.parse(at) < Date.parse(from) + windowMs) return { state, alerts: [] };
  if (last === null) return { state: { ...state, window_from: null }, alerts: [] };
  const end = new Date(Date.parse(from) + windowMs).toISOString();
  const alert = {
    cause: from,
    at: end,
    message: `${counted} more since ${from}, the latest: ${last.message}`,
    causedBy: [last.sequence],
    figures: { counted, since: from },
  };
  const next = closed({ ...state, window_from: end, counted: 0, last: null }, at, windowMs);
  return { state: next.state, alerts: [alert] };
}

/**
 * Name of the group of a dead letter: stream, consumer and the kind of its subject, which is its first two tokens.
 * What follows are ids of forecasters, series and runs.
 */
export function groupOf({
  stream,
  durable = "unknown",
  subject,
}: Pick<DeadLetter, "stream" | "durable" | "subject">): string {
  const kind = subject.split(".").slice(0, 2);
  return [stream, durable, ...kind]
    .join("-")
    .replaceAll(/[^A-Za-z0-9_-]/g, "_")
    .slice(0, 64);
}

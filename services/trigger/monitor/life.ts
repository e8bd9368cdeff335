import type { Step } from "../../../shared/contracts/subjects.ts";
import type { MonitorState } from "../state.ts";

/** Rollbacks that are remembered: older ones have left every window. */
const MAX_LIVES = 50;

/**
 * Follows which configs were live and then rolled back: what they served says nothing about the one that is live.
 * Steps may come again and in any order; only `deployed` and `rolled-back` change anything.
 *
 * @param atMs event time of the step
 */
export function foldLife(state: MonitorState, step: Step, run: string, atMs: number): MonitorState {
  const known = state.rolled_back.find((life) => life.run === run);
  if (step === "deployed" && known === undefined) {
    const lives = [...state.rolled_back, { run, from: atMs, to: null }].sort((a, b) => a.from - b.from);
    const kept = lives.filter(({ to }, i) => to !== null || i === lives.length - 1);
    return { ...state, rolled_back: kept.slice(-MAX_LIVES) };
  }
  if (step !== "rolled-back" || known === undefined || known.to !== null) return state;
  const ended = { ...known, to: Math.max(known.from, atMs) };
  return { ...state, rolled_back: state.rolled_back.map((life) => (life === known ? ended : life)) };
}

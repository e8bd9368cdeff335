import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../shared/contracts/telemetry.ts";
import type { EvaluatedStream } from "../../shared/contracts/trigger.ts";
import { type Batch, readObservations, readScores } from "./monitor/monitor.ts";
import { initialMonitor, type MonitorState } from "./state.ts";

/** What a receipt says of the telemetry it was made from. */
export interface Seen {
  /** The revision that `evidence.spec_revision` names. */
  readonly spec: ForecasterSpec;
  /** When the config was deployed that was live then, ms; null where none was. */
  readonly deployedAt: number | null;
  /** `evidence.stream` */
  readonly stream: Pick<EvaluatedStream, "scores" | "observations" | "born_at">;
  /** `late` of the forecaster's later receipts and of its state as it is now: what this one was made without */
  readonly late: EvaluatedStream["late"];
}

interface Folded extends Seen {
  readonly monitor: MonitorState;
}

/**
 * Folds a forecaster's telemetry for one receipt after another. It goes on from the receipt before where that had seen
 * the same up to where it ended, so that receipts in their order cost one pass; else it begins anew.
 */
export class Refolding {
  private readonly scores: readonly Batch<Score>[];
  private readonly observations: readonly Batch<Observation>[];
  private last: Folded | undefined;

  /** Telemetry in any order; more than receipts name does no harm. */
  constructor(telemetry: {
    readonly scores: readonly Batch<Score>[];
    readonly observations: readonly Batch<Observation>[];
  }) {
    this.scores = telemetry.scores.toSorted((a, b) => a.sequence - b.sequence);
    this.observations = telemetry.observations.toSorted((a, b) => a.sequence - b.sequence);
  }

  /** The state that the receipt was made from, as far as it can be told from telemetry. */
  monitorOf(seen: Seen): MonitorState {
    const { spec, deployedAt, stream, late } = seen;
    const before = this.last !== undefined && goesOn(this.last, seen) ? this.last : undefined;
    const from = before?.stream ?? { scores: stream.born_at - 1, observations: stream.born_at - 1 };
    let monitor = before?.monitor ?? { ...initialMonitor(spec.forecaster), deployed_at: deployedAt };
    monitor = readScores(monitor, between(this.scores, from.scores, stream.scores, late.scores), spec);
    monitor = readObservations(
      monitor,
      between(this.observations, from.observations, stream.observations, late.observations),
      spec,
    );
    this.last = { ...seen, monitor };
    return monitor;
  }
}

/** Whether what `seen` was made from begins with all that `last` was made from. */
function goesOn(last: Folded, seen: Seen): boolean {
  const same =
    last.spec === seen.spec &&
    last.deployedAt === seen.deployedAt &&
    last.stream.born_at === seen.stream.born_at;
  return (
    same &&
    (["scores", "observations"] as const).every((kind) => {
      const end = last.stream[kind];
      const leftOut = (late: Seen["late"]) => new Set(late[kind].filter((sequence) => sequence <= end));
      return (
        end <= seen.stream[kind] && leftOut(last.late).symmetricDifference(leftOut(seen.late)).size === 0
      );
    })
  );
}

/** Those after sequence `from` and up to `to`, without some. */
function between<T>(
  sorted: readonly Batch<T>[],
  from: number,
  to: number,
  without: readonly number[],
): Batch<T>[] {
  const leftOut = new Set(without);
  return sorted
    .slice(firstAfter(sorted, from), firstAfter(sorted, to))
    .filter(({ sequence }) => !leftOut.has(sequence));
}

function firstAfter(sorted: readonly Batch<unknown>[], sequence: number): number {
  let low = 0;
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.sequence <= sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}

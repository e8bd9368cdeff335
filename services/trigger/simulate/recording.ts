import type { CloudEvent } from "../../../shared/contracts/envelope.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import type { ManualRequest } from "../arbiter/wish.ts";
import type { Batch } from "../monitor/monitor.ts";

/** A message of DECISIONS that concerns one forecaster. */
export interface RecordedEvent {
  readonly sequence: number;
  readonly subject: string;
  /** When the server stored it. */
  readonly storedMs: number;
  readonly event: CloudEvent;
}

export interface SpecRevision {
  readonly revision: number;
  readonly spec: ForecasterSpec;
}

/** Everything that was recorded of one forecaster, each part in the order of its sequences. */
export interface Recording {
  readonly forecaster: string;
  /** Revisions of the spec that the bucket still keeps, oldest first. Never empty. */
  readonly specs: readonly SpecRevision[];
  readonly observations: readonly Batch<Observation>[];
  readonly scores: readonly Batch<Score>[];
  readonly events: readonly RecordedEvent[];
  /** What people asked for, of this forecaster or of all. */
  readonly requests: readonly ManualRequest[];
}

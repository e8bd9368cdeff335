import { type RunScript, START_MS, spec } from "../testing/samples.ts";
import { Projection } from "./projection.ts";

export const ID = "eurusd-7d";
const DAY_MS = 86_400_000;
/** Virtual time of a day. */
export const at = (day: number) => new Date(START_MS + day * DAY_MS).toISOString();

export function message(subject: string, sequence: number, payload: unknown) {
  return { subject, sequence, time: new Date(START_MS), json: () => payload };
}

/** Tells what became of a run, in messages from sequence `first` on. */
export function tell(projection: Projection, script: RunScript, first = 1): void {
  script.events.forEach(({ subject, event }, i) => {
    projection.decision(message(subject, first + i, event));
  });
}

/** A projection that knows the spec of `ID`. */
export function known(): Projection {
  const projection = new Projection();
  projection.spec(ID, spec(ID));
  return projection;
}

export function prediction(step: number, over: object = {}) {
  return {
    issued_at: at(9),
    target_ts: at(9 + step),
    step,
    mean: 1.1,
    lower: 1,
    upper: 1.2,
    known_entity: true,
    model_version: "v1",
    latency_ms: 5,
    ...over,
  };
}

export function score(day: number, error: number, over: object = {}) {
  return {
    issued_at: at(day - 1),
    target_ts: at(day),
    step: 1,
    error,
    abs_pct_error: 1,
    in_interval: true,
    model_version: "v1",
    naive_error: 2,
    ...over,
  };
}

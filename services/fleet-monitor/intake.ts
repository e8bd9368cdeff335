import type { Message } from "../../shared/bus/message.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { Token } from "../../shared/contracts/subjects.ts";
import { Observation, Prediction } from "../../shared/contracts/telemetry.ts";
import { predicted, seen } from "./decide.ts";
import { silenceLimit } from "./outage.ts";
import type { Excused, Fleet, FleetParams } from "./state.ts";

/** Records further ahead of the clock than this are passed over: one wrong clock must not age a whole fleet. */
const FUTURE_LIMIT_MS = 86_400_000;

export interface Intake {
  readonly params: FleetParams;
  readonly now: () => number;
  readonly spec: (forecaster: string) => Pick<ForecasterSpec, "series"> | undefined;
  readonly fleet: (series: string) => Fleet;
  readonly excused: (fleet: Fleet) => Excused;
}

/** Takes a message of TELEMETRY in. Bad records are the inference-buffer's to refuse; here they are passed over. */
export function takeIn(message: Message, { params, now, spec, fleet: fleetOf, excused }: Intake): void {
  const [, kind, id] = message.subject.split(".");
  if ((kind !== "observation" && kind !== "prediction") || !Token.safeParse(id).success) return;
  const series = kind === "observation" ? id : spec(id!)?.series;
  if (series === undefined) return;
  const payload = readJson(message);
  const fleet = fleetOf(series);
  if (message.sequence <= fleet.lastSequence) return;
  const nowMs = now();
  const latest = nowMs + FUTURE_LIMIT_MS;
  // After one observation ahead of the clock, what is on time is older than the newest, and heard all the same.
  const heardFrom = Math.min(fleet.newestMs, nowMs - (silenceLimit(fleet, params) ?? 0));
  let isHeard = false;
  for (const record of Array.isArray(payload) ? payload : [payload]) {
    if (kind === "observation") {
      const { data } = Observation.safeParse(record);
      if (data === undefined || Date.parse(data.ts) > latest) continue;
      seen(fleet, data, message.sequence, params, () => excused(fleet));
      isHeard ||= Date.parse(data.ts) > heardFrom;
    } else {
      const { data } = Prediction.safeParse(record);
      if (data === undefined || Date.parse(data.issued_at) > latest) continue;
      predicted(fleet, id!, data, message.sequence);
    }
  }
  if (isHeard) fleet.heardMs = nowMs;
  fleet.lastSequence = message.sequence;
}

function readJson(message: Message): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}

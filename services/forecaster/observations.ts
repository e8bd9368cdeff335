import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { isAbout } from "../../shared/contracts/spec.ts";
import { Observation } from "../../shared/contracts/telemetry.ts";
import { isWeekend } from "../../shared/forecasting/context.ts";

const DAY_MS = 86_400_000;

/** What was observed and is looked at. */
export interface Accepted {
  /** Absent where the series has no entities. */
  readonly entity?: string;
  readonly ms: number;
  readonly value: number;
}

export interface Intake {
  readonly accepted: readonly Accepted[];
  /** Why records that are looked at were refused. */
  readonly refused: readonly string[];
}

/** What of a series a forecaster looks at. */
export type Source = Pick<
  ForecasterSpec,
  "series" | "metric" | "entity" | "entities" | "bounds" | "calendar"
>;

/**
 * Picks what one forecaster looks at out of an observation payload (one record or an array). Records of other
 * entities and without its metric are none of its business; with `entities: all` those are without an entity. What
 * breaks the contract, lies out of bounds, on a day that is no step, or more than a day after `nowMs`, is refused
 * with a reason.
 */
export function takeObservations(payload: unknown, source: Source, nowMs: number): Intake {
  const accepted: Accepted[] = [];
  const refused: string[] = [];
  for (const record of Array.isArray(payload) ? payload : [payload]) {
    if (isObject(record) && record.entity !== undefined && !isAbout(source, record.entity)) continue;
    const parsed = Observation.safeParse(record);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      refused.push(`field '${issue?.path.join(".") ?? ""}': ${issue?.message ?? "invalid"}`);
      continue;
    }
    const { entity, ts, values } = parsed.data;
    const value = values[source.metric];
    if (value === undefined || !isAbout(source, entity)) continue;
    const ms = Date.parse(ts);
    const reason = refusal(ms, value, source, nowMs);
    if (reason === undefined) accepted.push({ ...(entity === undefined ? {} : { entity }), ms, value });
    else refused.push(`${ts}: ${reason}`);
  }
  return { accepted, refused };
}

/** Why an observation is none a forecast may rest on; undefined when it is. */
export function refusal(
  ms: number,
  value: number,
  { bounds, calendar, metric }: Source,
  nowMs: number,
): string | undefined {
  const { min = -Infinity, max = Infinity } = bounds;
  if (!Number.isFinite(value)) return `${metric} is ${value}`;
  if (value < min || value > max) return `${metric} is ${value}, expected ${min} to ${max}`;
  if (ms > nowMs + DAY_MS) return `more than a day in the future of ${new Date(nowMs).toISOString()}`;
  if (calendar === "weekdays" && isWeekend(ms)) return "a Saturday or Sunday, which is no step";
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { ArbiterStatus } from "../../../shared/contracts/trigger.ts";
import { isOpen } from "../../../shared/schedule/windows.ts";
import type { ArbiterState, Wish } from "../state.ts";
import { automaticRuns, coolDownEndsMs } from "./rules.ts";
import { startOf } from "./start.ts";
import { nextScheduled } from "./timetable.ts";

/** What people ask about one forecaster: what runs, what waits and until when, what comes next. */
export function statusOf(state: ArbiterState, spec: ForecasterSpec, atMs: number): ArbiterStatus {
  const { active, pending, last_triggered_at, person_decided_at, last_optimized_at } = state;
  const { trigger } = spec;
  const used = automaticRuns(state, atMs).length;
  const cooldownMs = coolDownEndsMs(state, spec);
  return {
    forecaster: spec.forecaster,
    enabled: spec.enabled,
    active: active === null ? null : { run: active.run, step: active.step },
    pending: pending === null ? null : waiting(pending, spec, atMs),
    next_schedule: nextScheduled(trigger.schedule, atMs) ?? null,
    cooldown_until: cooldownMs !== null && cooldownMs > atMs ? iso(cooldownMs) : null,
    budget:
      trigger.weekly_budget === null
        ? null
        : { runs: trigger.weekly_budget, used, left: Math.max(0, trigger.weekly_budget - used) },
    quiet: isOpen(trigger.quiet, atMs),
    last_triggered_at,
    person_decided_at,
    last_optimized_at,
  };
}

function waiting(
  wish: Wish,
  { trigger }: ForecasterSpec,
  atMs: number,
): NonNullable<ArbiterStatus["pending"]> {
  const { cause, priority, reasons, since } = wish;
  const startMs = startOf(wish, trigger, atMs);
  return { cause, priority, reasons, since, starts_at: startMs === null ? null : iso(startMs) };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

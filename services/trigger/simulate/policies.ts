import type { Policy } from "../../../shared/contracts/simulation.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { DETECTOR_SPECS } from "../../../shared/contracts/spec-detectors.ts";
import { type Setting, withSettings } from "./settings.ts";

/** A policy is a spec: what the arbiter and the detectors are told to do. */
export type SimulatedPolicy = Exclude<Policy, "recorded">;

const FIXED: Readonly<Record<Exclude<SimulatedPolicy, "configured" | "changed">, string | null>> = {
  never: null,
  nightly: "0 2 * * *",
  weekly: "0 2 * * 0",
};

/**
 * The policies to play side by side: the spec as it is, the spec with the settings changed (where any are), and
 * those that look at nothing: never, every night and every Sunday at 02:00, in the zone of the spec's first schedule
 * or UTC. The first deployment is the same for all of them.
 */
export function policies(
  spec: ForecasterSpec,
  settings: readonly Setting[],
): { policy: SimulatedPolicy; spec: ForecasterSpec }[] {
  const zone = spec.trigger.schedule[0]?.zone ?? "UTC";
  const fixed = Object.entries(FIXED).map(([policy, cron]) => ({
    policy: policy as SimulatedPolicy,
    spec: blind(spec, cron === null ? [] : [{ cron, zone }]),
  }));
  const changed = { policy: "changed" as const, spec: withSettings(spec, settings) };
  return [{ policy: "configured", spec }, ...(settings.length === 0 ? [] : [changed]), ...fixed];
}

function blind(spec: ForecasterSpec, schedule: readonly { cron: string; zone: string }[]): ForecasterSpec {
  const off = Object.fromEntries(Object.keys(DETECTOR_SPECS).map((name) => [name, { enabled: false }]));
  const trigger = { ...off, evaluate_every: spec.trigger.evaluate_every, schedule };
  return ForecasterSpec.parse({ ...spec, trigger });
}

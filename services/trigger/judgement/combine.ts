import type { TriggerSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult, Evaluated } from "../../../shared/contracts/trigger.ts";

/**
 * One verdict from those of several detectors, in three-valued logic (Kleene's): what cannot tell might say yes or no,
 * and the verdict is null where that would decide it.
 *
 *     any          one has to fire
 *     all          every one has to
 *     at_least k   k of those named in `of`, or of all
 */
export function combine(
  results: readonly Pick<DetectorResult, "detector" | "fired">[],
  rule: TriggerSpec["combine"],
): NonNullable<Evaluated["combination"]> {
  const named = typeof rule === "string" ? undefined : rule.of;
  const heard = named === undefined ? results : results.filter(({ detector }) => named.includes(detector));
  const yes = heard.filter(({ fired }) => fired === true).length;
  const unsure = heard.filter(({ fired }) => fired === null).length;
  const needed = typeof rule !== "string" ? rule.at_least : rule === "any" ? 1 : Math.max(1, heard.length);
  const verdict = yes >= needed ? true : yes + unsure >= needed ? null : false;
  return { rule: ruleText(rule), verdict };
}

function ruleText(rule: TriggerSpec["combine"]): string {
  if (typeof rule === "string") return rule;
  return `at least ${rule.at_least} of ${rule.of?.join(", ") ?? "all"}`;
}

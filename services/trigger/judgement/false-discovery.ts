import type { ForecasterSpec, TriggerSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult, Evaluated } from "../../../shared/contracts/trigger.ts";
import { adjustPValues } from "../../../shared/statistics/benjamini-hochberg.ts";
import { withDiscoveries } from "../detectors/drift.ts";

/**
 * Results with the false discoveries held down among all tests of an evaluation, whichever detector, metric and entity
 * they are of: the more are looked at, the less each may speak by chance. Detectors without tests stay as they are.
 * Where the spec asks for none, a fleet's are held to drift's `p_value`, since its entities are tested one by one.
 */
export function controlled(
  results: readonly DetectorResult[],
  { trigger, entities }: Pick<ForecasterSpec, "trigger" | "entities">,
): { results: readonly DetectorResult[]; outcome: Evaluated["false_discovery"] } {
  const settings = trigger.false_discovery ?? (entities === "all" ? ofFleet(trigger) : undefined);
  if (settings === undefined) return { results, outcome: undefined };
  const { rate, method } = settings;
  const adjusted = adjustPValues(
    results.flatMap(({ tests = [] }) => tests.map(({ p_value }) => p_value)),
    method,
  );
  let from = 0;
  const judged = results.map((result) => {
    const mine = adjusted.slice(from, from + (result.tests?.length ?? 0));
    from += mine.length;
    return withDiscoveries(result, mine, rate);
  });
  const found = judged.flatMap(({ tests = [] }) => tests).filter(({ fired }) => fired).length;
  return { results: judged, outcome: { rate, method, tests: adjusted.length, found } };
}

function ofFleet({ drift }: TriggerSpec): NonNullable<TriggerSpec["false_discovery"]> {
  return { rate: drift.p_value, method: "benjamini-hochberg" };
}

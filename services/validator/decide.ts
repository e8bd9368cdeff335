import type { Candidate } from "../../shared/contracts/optimizer.ts";
import type { ValidationSpec } from "../../shared/contracts/spec.ts";
import type { Validated } from "../../shared/contracts/validator.ts";
import { criteria } from "./criteria.ts";
import { type Champion, isSameConfig, type Measured, type Unknown } from "./state.ts";

/** A candidate and what it has to beat, measured on the same windows. */
export interface Comparison {
  readonly candidate: Candidate;
  /** null where nothing is live */
  readonly champion: Champion | null;
  readonly candidateMetrics: Measured;
  readonly championMetrics: Measured | null;
  /** of a fleet */
  readonly unknown?: Unknown | undefined;
}

export interface Verdict extends Pick<Validated, "approved" | "first_deployment" | "criteria" | "reasons"> {
  readonly step: "approved" | "rejected" | "held";
}

/**
 * Whether a candidate may go live. (A-VAL-1..7)
 *
 *     it is the champion                     rejected: deploying it would change nothing
 *     nothing is live                        approved as the first deployment, whatever the criteria say (A-VAL-6)
 *     a criterion is not passed              rejected, with the reason of each such criterion
 *     all are passed                         approved
 *
 * Where the spec asks for a person (`approval: manual`), what would be approved is held instead; `approved` then says
 * what the criteria say.
 */
export function decide(comparison: Comparison, params: ValidationSpec): Verdict {
  const { candidate, champion, candidateMetrics, championMetrics, unknown } = comparison;
  const first_deployment = champion === null;
  const judged = criteria(candidateMetrics, championMetrics, params, unknown);
  const verdict = (approved: boolean, reasons: string[]): Verdict =>
    verdictOf(approved, reasons, { criteria: judged, first_deployment }, params);

  if (champion !== null && isSameConfig(candidate, champion)) {
    const reason = `the candidate is the live config, version ${champion.version}: deploying it would change nothing`;
    const same = judged.map((each) =>
      each.name === "improvement" ? { ...each, passed: false, reason } : each,
    );
    return { ...verdict(false, [reason]), criteria: same };
  }
  const failed = judged.filter(({ passed }) => !passed);
  if (first_deployment) {
    const warnings = failed.map(({ name, reason }) => `${name} would not have passed: ${reason}`);
    return verdict(true, ["first deployment: nothing is live to beat", ...warnings]);
  }
  return verdict(
    failed.length === 0,
    (failed.length === 0 ? judged : failed).map(({ reason }) => reason),
  );
}

/** The verdict of criteria, which a person has the last word on where the spec asks for one. */
export function verdictOf(
  approved: boolean,
  reasons: string[],
  found: Pick<Verdict, "criteria" | "first_deployment">,
  { approval }: Pick<ValidationSpec, "approval">,
): Verdict {
  const isHeld = approved && approval === "manual";
  return {
    step: !approved ? "rejected" : isHeld ? "held" : "approved",
    approved,
    ...found,
    reasons: isHeld ? [...reasons, "the spec asks for a person's approval"] : reasons,
  };
}

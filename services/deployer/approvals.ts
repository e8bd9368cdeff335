import type { z } from "zod";
import { check } from "../../shared/check.ts";
import { ApproveRequest } from "../../shared/contracts/deployer.ts";
import { stepType } from "../../shared/contracts/envelope.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { newEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { parseStep } from "./parse-step.ts";

export interface Approval {
  readonly run_id: string;
  readonly forecaster: string;
  readonly step: "approved" | "rejected";
  readonly sequence: number;
}

/**
 * `deployer.approve`: a person's word on a held run, published once. An approval is consumed like the
 * validator's own.
 *
 * @throws {InvalidInputError} the request is malformed, the run is not held, or the opposite was said before
 */
export async function approve(context: ServiceContext, payload: unknown): Promise<Approval> {
  const { run, approve: yes, by, note } = parseRequest(payload);
  const { bus, clock, codeVersion, source } = context;
  const held = await findHeld(context, run);
  if (held === undefined)
    throw new InvalidInputError(`run ${run} is not held: only a held run waits for a person's approval`);
  const { data: report } = held.event;
  const step = yes ? "approved" : "rejected";
  const word = `${step} by ${by}${note === undefined ? "" : `: ${note}`}`;
  const data: Validated = {
    ...report,
    approved: yes,
    reasons: [...report.reasons, word],
    caused_by: [held.sequence],
    evidence: {
      ...report.evidence,
      code_version: codeVersion,
      decided_by: by,
      ...(note === undefined ? {} : { note }),
    },
  };
  const event = newEvent({
    source,
    type: stepType(step),
    subject: report.forecaster,
    timeMs: clock.now(),
    data,
  });
  const concluded = await bus.conclude("approval", step, event);
  if (concluded.step !== step) {
    const { evidence } = concluded.event.data as Validated;
    throw new InvalidInputError(`run ${run} was ${concluded.step} by ${String(evidence.decided_by)} before`);
  }
  return { run_id: run, forecaster: report.forecaster, step, sequence: concluded.sequence };
}

async function findHeld({ bus }: ServiceContext, run: string) {
  for await (const message of bus.read("DECISIONS", { filter: `retrain.held.*.${run}` })) {
    return { event: parseStep(message, Validated), sequence: message.sequence };
  }
  return undefined;
}

function parseRequest(payload: unknown): z.infer<typeof ApproveRequest> {
  return check(ApproveRequest, payload ?? {}, "deployer.approve", "(payload)");
}

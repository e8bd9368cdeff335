import type { ZodType } from "zod";
import type { Message } from "../../shared/bus/message.ts";
import type { CloudEvent, StepData } from "../../shared/contracts/envelope.ts";
import { parseStepSubject } from "../../shared/contracts/subjects.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { parseEvent } from "../../shared/events.ts";

/** As `parseEvent`. @throws {InvalidInputError} too where the data are about another run than the subject */
export function parseStep<D extends StepData>(message: Message, schema: ZodType<D>): CloudEvent<D> {
  const event = parseEvent(message, schema);
  const { run_id, forecaster } = event.data;
  const named = parseStepSubject(message.subject);
  if (named?.run === run_id && named.forecaster === forecaster) return event;
  throw new InvalidInputError(`payload on '${message.subject}' is about run ${run_id} of '${forecaster}'`);
}

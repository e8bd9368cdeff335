/** Base of every error thrown on purpose. The bus reads `disposition`, never the message text. */
export abstract class RetuneError extends Error {
  /** `retry`: redelivery may succeed. `terminate`: it would fail the same way. */
  abstract readonly disposition: "retry" | "terminate";

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Input that breaks its contract: a payload, a file, a setting. Trying again cannot help. */
export class InvalidInputError extends RetuneError {
  readonly disposition = "terminate";
}

/** Another writer moved the state on since it was read. Redelivery reads the new state. */
export class StaleStateError extends RetuneError {
  readonly disposition = "retry";
}

/** Something outside did not answer or is not there yet. */
export class UnavailableError extends RetuneError {
  readonly disposition = "retry";
}

/** One line for logs, events and people: the message with the messages of its causes. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${explain(error.cause)}`;
}

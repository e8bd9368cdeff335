import { explain } from "./errors.ts";

/** An error on its way between processes or threads, which classes do not survive. */
export interface ToldError {
  readonly name: string;
  readonly message: string;
}

/** An error as it is told: its class by name, its message with those of its causes. */
export function told(error: unknown): ToldError {
  return { name: error instanceof Error ? error.name : "Error", message: explain(error) };
}

/** A told error as the class it was, where that is one of `classes`; otherwise its name stands before its message. */
export function revived(
  { name, message }: ToldError,
  classes: Readonly<Record<string, new (message: string) => Error>>,
): Error {
  const known = Object.hasOwn(classes, name) ? classes[name] : undefined;
  return known === undefined ? new Error(`${name}: ${message}`) : new known(message);
}

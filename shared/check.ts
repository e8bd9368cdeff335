import type { ZodError, ZodType } from "zod";
import { InvalidInputError } from "./errors.ts";

/**
 * The first thing that is wrong, with its field: `field 'a.b': expected …`. `whole` names the value itself, `within`
 * the fields of a larger one that lead to it.
 */
export function firstIssue({ issues }: ZodError, whole = "", within: readonly string[] = []): string {
  const [issue] = issues;
  return `field '${[...within, ...(issue?.path ?? [])].join(".") || whole}': ${issue?.message ?? "invalid"}`;
}

/**
 * A value against its schema.
 *
 * @param what where the value comes from, for the error
 * @throws {InvalidInputError} naming `what`, the field and what was expected
 */
export function check<T>(
  schema: ZodType<T>,
  value: unknown,
  what: string,
  whole = "",
  within: readonly string[] = [],
): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(`${what}: ${firstIssue(parsed.error, whole, within)}`);
}

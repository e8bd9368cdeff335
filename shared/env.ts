import type { ZodType } from "zod";
import { InvalidInputError } from "./errors.ts";

/**
 * Settings of a service from environment variables; empty strings mean unset.
 *
 * @throws {InvalidInputError} naming variable, value and what was expected
 */
export function readEnv<T>(env: NodeJS.ProcessEnv, schema: ZodType<T>): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const name = issue.path.map(String).join(".");
  throw new InvalidInputError(
    `environment variable ${name} is ${JSON.stringify(env[name] ?? "")}: ${issue.message}`,
  );
}

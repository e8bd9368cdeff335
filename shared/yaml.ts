import { LineCounter, parseDocument } from "yaml";
import type { ZodType } from "zod";
import { InvalidInputError } from "./errors.ts";

/**
 * Parses YAML against a schema.
 *
 * @throws {InvalidInputError} naming file, line, field, value and what was expected
 */
export function readYaml<T>(path: string, text: string, schema: ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [mistake] = document.errors;
  if (mistake !== undefined) throw new InvalidInputError(`${path}: ${mistake.message}`, { cause: mistake });
  const value: unknown = document.toJS() ?? {};
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const field = issue.path.map(String);
  const node = document.getIn(field, true) as { range?: [number, number, number] } | undefined;
  const line = node?.range === undefined ? "" : `:${lines.linePos(node.range[0]).line}`;
  const found = field.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], value);
  const shown = found === undefined ? "is missing" : `is ${JSON.stringify(found)}`;
  throw new InvalidInputError(
    `${path}${line}: field '${field.join(".") || "(whole file)"}' ${field.length > 0 ? shown : ""}: ${issue.message}`,
  );
}

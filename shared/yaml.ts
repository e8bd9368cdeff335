import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
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

/**
 * A YAML text with some values set, each by its path; what is missing on the way is created. Comments, order and
 * style of everything else stay.
 *
 * @throws {InvalidInputError} naming the file, and where a path leads through something that is no mapping
 */
export function editYaml(
  path: string,
  text: string,
  settings: readonly { readonly path: readonly string[]; readonly value: unknown }[],
): string {
  const document = parseDocument(text);
  const [mistake] = document.errors;
  if (mistake !== undefined) throw new InvalidInputError(`${path}: ${mistake.message}`, { cause: mistake });
  for (const { path: field, value } of settings) {
    for (let depth = 0; depth < field.length; depth += 1) {
      const parent = field.slice(0, depth);
      const node = document.getIn(parent, true);
      if (isMap(node)) continue;
      const isEmpty = node === undefined || node === null || (isScalar(node) && node.value === null);
      if (!isEmpty) throw new InvalidInputError(`${path}: field '${parent.join(".")}' is no mapping`);
      document.setIn(parent, document.createNode({}));
    }
    // A plain value takes the place of one within its node, to which the comment belongs.
    document.setIn(field, typeof value === "object" ? document.createNode(value) : value);
  }
  const edited = document.toString({ lineWidth: 0 });
  const spaced = withSpacingOf(text, edited);
  return isDeepStrictEqual(parseDocument(spaced).toJS(), document.toJS()) ? spaced : edited;
}

/** Lines that differ from one of the original in nothing but spaces, as the original has them: `[1, 2]`, not `[ 1, 2 ]`. */
function withSpacingOf(original: string, edited: string): string {
  const bare = (line: string) => /^\s*/.exec(line)![0] + line.replace(/\s/g, "");
  const known = new Map(original.split("\n").map((line) => [bare(line), line]));
  return edited
    .split("\n")
    .map((line) => known.get(bare(line)) ?? line)
    .join("\n");
}

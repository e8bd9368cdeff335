import { check } from "../../../shared/check.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";

/** One `--set trigger.performance.threshold=0.10`. */
export interface Setting {
  readonly path: readonly string[];
  readonly value: unknown;
}

/**
 * Reads `path=value`. The value is JSON where it is JSON, else text: `0.1`, `true`, `[30,90]`, `14d`.
 *
 * @throws {InvalidInputError} without a `=` or with an empty part of the path
 */
export function parseSetting(text: string): Setting {
  const at = text.indexOf("=");
  const path = text.slice(0, at).split(".");
  if (at < 1 || path.some((part) => part === ""))
    throw new InvalidInputError(
      `setting '${text}': expected path=value, as trigger.performance.threshold=0.10`,
    );
  return { path, value: jsonOrText(text.slice(at + 1)) };
}

/**
 * The spec with settings changed, checked as a spec is when it is applied.
 *
 * @throws {InvalidInputError} naming the setting when the result is no spec
 */
export function withSettings(spec: ForecasterSpec, settings: readonly Setting[]): ForecasterSpec {
  const draft = structuredClone(spec) as Record<string, unknown>;
  for (const { path, value } of settings) {
    let parent = draft;
    for (const part of path.slice(0, -1)) {
      const child = parent[part];
      parent[part] = typeof child === "object" && child !== null ? child : {};
      parent = parent[part] as Record<string, unknown>;
    }
    parent[path.at(-1)!] = value;
  }
  const told = settings.map(({ path, value }) => `${path.join(".")}=${JSON.stringify(value)}`).join(", ");
  return check(ForecasterSpec, draft, `spec of '${spec.forecaster}' with ${told || "no setting changed"}`);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Alert, AlertRules } from "../../shared/contracts/alerts.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { readYaml } from "../../shared/yaml.ts";
import type { AlertRule } from "./decide.ts";

export const RULES_FILE = "alerts.yaml";
/** Alerts about dead letters, by the rule of kind `dead-letter`, whatever its name. */
export const DEAD_LETTERS = "dead-letters";

/**
 * The rules of `configs/alerts.yaml`; undefined where there is no such file.
 *
 * @throws {InvalidInputError} naming file, line, field and what was expected
 */
export async function loadRules(configs: string): Promise<AlertRule[] | undefined> {
  const path = join(configs, RULES_FILE);
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new InvalidInputError(`cannot read '${path}'`, { cause });
  });
  if (text === undefined) return undefined;
  const { rules } = readYaml(
    path,
    text,
    AlertRules.superRefine(({ rules: all }, refinement) => {
      all.forEach(({ rule }, index) => {
        if (all.findIndex((other) => other.rule === rule) < index) {
          refinement.addIssue({
            code: "custom",
            path: ["rules", index, "rule"],
            message: "expected a name that no other rule has",
          });
        }
      });
    }),
  );
  return rules;
}

/** The rule an alert was raised by. One that was removed since, or that nobody here wrote, has none. */
export function ruleOf(rules: readonly AlertRule[], { rule }: Pick<Alert, "rule">): AlertRule | undefined {
  return (
    rules.find((each) => each.rule === rule) ??
    (rule === DEAD_LETTERS ? rules.find(({ when }) => when.kind === "dead-letter") : undefined)
  );
}

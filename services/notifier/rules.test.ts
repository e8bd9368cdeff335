import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadRules, ruleOf } from "./rules.ts";

let configs: string;
beforeAll(async () => {
  configs = await mkdtemp(join(tmpdir(), "retune-rules-"));
});
afterAll(() => rm(configs, { recursive: true, force: true }));

const rule = (name: string, rest = "severity: low, channels: [log]") =>
  `  - { rule: ${name}, when: { kind: dead-letter }, ${rest} }\n`;

it.each([
  [
    "an unknown channel",
    `rules:\n${rule("a")}${rule("b", "severity: low, channels: [pager]")}`,
    /alerts.yaml:3: field 'rules.1.channels.0' is "pager"/,
  ],
  [
    "an unknown severity",
    `rules:\n${rule("a", "severity: urgent, channels: [log]")}`,
    /alerts.yaml:2: field 'rules.0.severity' is "urgent"/,
  ],
  [
    "a duration that is none",
    "rules:\n  - rule: stale\n    when: { kind: stale, longer_than: soon }\n    severity: low\n    channels: [log]\n",
    /alerts.yaml:3: field 'rules.0.when.longer_than' is "soon".*such as 14d/,
  ],
  [
    "a misspelt field",
    `rules:\n${rule("a", "severity: low, channels: [log], mesage: x")}`,
    /alerts.yaml:2.*rules.0.*mesage/,
  ],
  [
    "a name used twice",
    `rules:\n${rule("a")}${rule("a")}`,
    /alerts.yaml:3: field 'rules.1.rule' is "a": expected a name that no other rule has/,
  ],
  ["broken YAML", "rules:\n  - { rule: a\n", /alerts.yaml.*line/s],
  ["an empty file", "", /alerts.yaml.*field 'rules' is missing/],
])("%s in alerts.yaml is refused with file, line and field", async (_, text, expected) => {
  await writeFile(join(configs, "alerts.yaml"), text);
  await expect(loadRules(configs)).rejects.toThrow(expected);
});

it("no file is no rules", async () => {
  expect(await loadRules(join(configs, "elsewhere"))).toBeUndefined();
});

it("an alert finds its rule by name, a dead letter by its kind", async () => {
  await writeFile(join(configs, "alerts.yaml"), `rules:\n${rule("letters")}`);
  const rules = (await loadRules(configs))!;
  expect([
    ruleOf(rules, { rule: "letters" }),
    ruleOf(rules, { rule: "dead-letters" }),
    ruleOf(rules, { rule: "other" }),
  ]).toEqual([rules[0], rules[0], undefined]);
});

it("an alert of another service is taken where a rule of its name says (D-ALR-1)", async () => {
  const text =
    "rules:\n  - { rule: data-quality, when: { kind: alert }, severity: low, channels: [email] }\n";
  await writeFile(join(configs, "alerts.yaml"), text);
  const rules = (await loadRules(configs))!;
  expect(ruleOf(rules, { rule: "data-quality" })).toMatchObject({ channels: ["email"] });
});

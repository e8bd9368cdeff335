/** Writes docs/asyncapi.yaml and docs/schemas from the contracts; with `--check` only says whether they are current. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { asyncApi, configSchemas } from "../shared/contracts/asyncapi.ts";

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const { version } = JSON.parse(await readFile(join(import.meta.dirname, "../package.json"), "utf8")) as {
  version: string;
};

const files = new Map<string, string>();
files.set("asyncapi.yaml", stringify(asyncApi(version), { aliasDuplicateObjects: false, lineWidth: 110 }));
for (const [name, schema] of Object.entries(configSchemas())) {
  const document = { $schema: "https://json-schema.org/draft/2020-12/schema", ...schema };
  files.set(`schemas/${name}.json`, `${JSON.stringify(document, null, 2)}\n`);
}

const stale: string[] = [];
for (const [name, text] of files) {
  const path = join(import.meta.dirname, name);
  if ((await readFile(path, "utf8").catch(() => "")) === text) continue;
  stale.push(name);
  if (values.check) continue;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
if (values.check && stale.length > 0) {
  console.error(`docs are not current: ${stale.join(", ")}. Run 'npm run docs'.`);
  process.exitCode = 1;
}

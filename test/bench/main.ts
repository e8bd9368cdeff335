/**
 * Benchmarks: `npm run bench` runs all, `npm run bench -- loop search` some. They print ratios and times
 * measured side by side in one run on this machine; nothing here fails a build.
 */
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs, styleText } from "node:util";
import type { BenchResult } from "./result.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const all = readdirSync(import.meta.dirname)
  .map((name) => /^([a-z-]+)\.ts$/.exec(name)?.[1])
  .filter((name) => name !== undefined && name !== "main" && name !== "result");
const chosen = positionals.length > 0 ? positionals : all;

console.log(`${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.version}`);
for (const name of chosen) {
  if (!all.includes(name)) {
    console.error(`no benchmark '${name}'; there are: ${all.join(", ")}`);
    process.exitCode = 2;
    continue;
  }
  console.log(`\n${styleText("bold", name!)}`);
  const { run } = (await import(`./${name}.ts`)) as { run: () => Promise<BenchResult[]> };
  for (const { name: what, value, unit, target } of await run()) {
    const figure = `${value.toPrecision(3)} ${unit}`.padStart(14);
    console.log(`  ${figure}  ${what}${target === undefined ? "" : styleText("dim", `  (aim ${target})`)}`);
  }
}

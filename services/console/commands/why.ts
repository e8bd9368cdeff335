import { readCauses, readRun, readRuns } from "../decisions.ts";
import { findRun } from "../find-run.ts";
import { faint, strong, toned } from "../terminal.ts";
import { explain } from "../words/explain.ts";
import { wrap } from "../words/table.ts";
import { type BusCommand, printJson } from "./command.ts";

/** `retune why <run>`: the run in plain sentences, from the DECISIONS stream alone. */
export const why: BusCommand = async ({ bus, terminal, flags }, asked = "") => {
  const run = (await readRun(bus, asked.toLowerCase())) ?? findRun(await readRuns(bus), asked);
  const explanation = explain(run, await readCauses(bus, run));
  if (flags.json === true) {
    printJson(terminal, { ...explanation, run });
    return 0;
  }
  const { headline, tone, sections } = explanation;
  terminal.out(toned(terminal, tone, wrap(headline, terminal.columns).join("\n")));
  terminal.out(faint(terminal, run.run_id));
  for (const { title, lines } of sections) {
    terminal.out(`\n${strong(terminal, title)}`);
    for (const line of lines)
      terminal.out(
        wrap(line, terminal.columns - 2)
          .map((each) => `  ${each}`)
          .join("\n"),
      );
  }
  return 0;
};

import { z } from "zod";
import { FleetStatus } from "../../../shared/contracts/fleet-monitor.ts";
import { fleetTable, fleetTexts } from "../words/fleet.ts";
import { printable } from "../words/format.ts";
import { wrap } from "../words/table.ts";
import { type BusCommand, type CommandFlags, person, printJson } from "./command.ts";

export interface FleetRenameFlags extends CommandFlags {
  readonly revoke?: boolean;
  readonly by?: string;
}

const Renaming = z.object({ sequence: z.int().positive() });

/** `retune fleet [series]`: which entities there are, how many the models do not know, what fell silent. (C-OPS-1) */
export const fleet: BusCommand = async ({ bus, terminal, flags }, series) => {
  const request = series === undefined ? {} : { series };
  const rows = await bus.request("fleet-monitor.status", request, z.array(FleetStatus));
  if (flags.json === true) {
    printJson(terminal, rows);
    return 0;
  }
  if (rows.length === 0) {
    const whose = series === undefined ? "" : ` of '${printable(series)}'`;
    terminal.out(`nothing was observed${whose} yet`);
    return 0;
  }
  terminal.out(fleetTable(rows, terminal.columns));
  for (const text of rows.flatMap(fleetTexts)) terminal.out(wrap(text, terminal.columns).join("\n"));
  return 0;
};

/** `retune fleet rename <series> <from> <to>`: the entity `from` is called `to` now; `--revoke` takes that back. */
export const fleetRename: BusCommand<FleetRenameFlags> = async (
  { bus, terminal, flags },
  series = "",
  from = "",
  to = "",
) => {
  const { revoke = false, by = person(terminal.env) } = flags;
  const rename = { series, from, to, by, revoke };
  const { sequence } = await bus.request("fleet-monitor.rename", rename, Renaming);
  if (flags.json === true) printJson(terminal, { ...rename, sequence });
  else {
    const word = revoke ? "was not renamed to" : "is now called";
    terminal.out(`${series}: '${printable(from)}' ${word} '${printable(to)}' [${sequence}]`);
  }
  return 0;
};

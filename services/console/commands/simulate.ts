import { writeFile } from "node:fs/promises";
import { SimulationReport, type SimulationRequest } from "../../../shared/contracts/simulation.ts";
import { simulationPage } from "../simulation/page.ts";
import { verifyText, whatIfText } from "../simulation/tables.ts";
import { parseSince } from "../since.ts";
import type { Terminal } from "../terminal.ts";
import { askTool } from "../tool.ts";
import { type CommandFlags, printJson } from "./command.ts";

export interface SimulateFlags extends CommandFlags {
  readonly from?: string;
  readonly to?: string;
  readonly forecaster?: readonly string[];
  readonly set?: readonly string[];
  readonly verify?: boolean;
  readonly retrain?: boolean;
  readonly file?: string;
  readonly history?: string;
  readonly html?: string;
}

/**
 * `retune simulate`: what other settings would have done with what was recorded, or (`--verify`) whether every
 * recorded decision comes out again. Exit code 1 when one does not.
 */
export async function simulate(flags: SimulateFlags, terminal: Terminal): Promise<number> {
  const nowMs = Date.now();
  const time = (text: string, flag: string) => parseSince(text, nowMs, flag).toISOString();
  const request: SimulationRequest = {
    mode: flags.verify === true ? "verify" : "what-if",
    retrain: flags.retrain === true,
    settings: [...(flags.set ?? [])],
    ...(flags.from === undefined ? {} : { from: time(flags.from, "--from") }),
    ...(flags.to === undefined ? {} : { to: time(flags.to, "--to") }),
    ...(flags.forecaster === undefined ? {} : { forecasters: [...flags.forecaster] }),
    ...(flags.file === undefined ? {} : { file: flags.file }),
    ...(flags.history === undefined ? {} : { history: flags.history }),
  };
  const report = await askTool("trigger/simulate", request, SimulationReport, { flags, terminal });
  if (flags.html !== undefined) {
    await writeFile(flags.html, simulationPage(report));
    terminal.error(`the report is in ${flags.html}`);
  }
  if (flags.json === true) printJson(terminal, report);
  else terminal.out((report.mode === "verify" ? verifyText : whatIfText)(report, terminal.columns));
  return report.decisions.some(({ verdict }) => verdict === "different") ? 1 : 0;
}

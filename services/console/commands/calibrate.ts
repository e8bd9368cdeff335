import { CalibrationReport, type CalibrationRequest } from "../../../shared/contracts/calibration.ts";
import { parseSince } from "../since.ts";
import type { Terminal } from "../terminal.ts";
import { askTool } from "../tool.ts";
import { calibrationText, checkText } from "../words/calibration.ts";
import { type CommandFlags, printJson } from "./command.ts";

export interface CalibrateFlags extends CommandFlags {
  readonly budget?: string;
  readonly from?: string;
  readonly to?: string;
  readonly file?: string;
  readonly history?: string;
  readonly apply?: boolean;
  readonly trial?: boolean;
  readonly check?: boolean;
}

/**
 * `retune calibrate`: thresholds by a budget of false alarms, from recorded history (A-FUT-3); `--check` says whether
 * those that were set before still keep theirs. Exit code 1 when one does not.
 */
export async function calibrate(
  forecasters: readonly string[],
  flags: CalibrateFlags,
  terminal: Terminal,
): Promise<number> {
  const nowMs = Date.now();
  const time = (text: string, flag: string) => parseSince(text, nowMs, flag).toISOString();
  const { budget, from, to, file, history } = flags;
  const request: CalibrationRequest = {
    mode: flags.check === true ? "check" : "calibrate",
    apply: flags.apply === true,
    trial: flags.trial === true,
    ...(forecasters.length === 0 ? {} : { forecasters: [...forecasters] }),
    ...(budget === undefined ? {} : { budget }),
    ...(from === undefined ? {} : { from: time(from, "--from") }),
    ...(to === undefined ? {} : { to: time(to, "--to") }),
    ...(file === undefined ? {} : { file }),
    ...(history === undefined ? {} : { history }),
  };
  const report = await askTool("trigger/calibrate", request, CalibrationReport, { flags, terminal });
  if (flags.json === true) printJson(terminal, report);
  else terminal.out((report.mode === "check" ? checkText : calibrationText)(report, terminal.columns));
  const isBroken = report.forecasters.some(({ checked }) =>
    checked.some(({ verdict }) => verdict === "broken"),
  );
  return isBroken ? 1 : 0;
}

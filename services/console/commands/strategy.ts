import { check } from "../../../shared/check.ts";
import {
  PortfolioReport,
  PortfolioRequest,
  StrategyReport,
  type StrategyRequest,
} from "../../../shared/contracts/strategy.ts";
import { parseSince } from "../since.ts";
import type { Terminal } from "../terminal.ts";
import { askTool } from "../tool.ts";
import { portfolioText, strategyText } from "../words/strategy.ts";
import { type CommandFlags, printJson } from "./command.ts";

export interface StrategyFlags extends CommandFlags {
  readonly from?: string;
  readonly to?: string;
  readonly history?: string;
}

/**
 * `retune strategy tune` searches how the forecasts of what is live are best traded, and measures that on days which
 * the search did not see; `compare` only measures the parameters in force. (B-STR-1, B-RSK-1)
 */
export async function strategy(
  mode: StrategyRequest["mode"],
  forecaster: string,
  flags: StrategyFlags,
  terminal: Terminal,
): Promise<number> {
  const request: StrategyRequest = { mode, forecaster, ...pricesOf(flags) };
  const report = await askTool("optimizer/strategy", request, StrategyReport, { flags, terminal });
  if (flags.json === true) printJson(terminal, report);
  else terminal.out(strategyText(report, terminal.columns));
  return 0;
}

export interface PortfolioFlags extends StrategyFlags {
  readonly maxWeight?: number;
  readonly shrinkage?: PortfolioRequest["shrinkage"];
}

/** `retune strategy portfolio`: how to spread money over the series of several forecasters. (B-RSK-1) */
export async function portfolio(
  forecasters: readonly string[],
  flags: PortfolioFlags,
  terminal: Terminal,
): Promise<number> {
  const { maxWeight, shrinkage } = flags;
  const request = check(
    PortfolioRequest,
    {
      forecasters,
      ...pricesOf(flags),
      ...(maxWeight === undefined ? {} : { max_weight: maxWeight }),
      ...(shrinkage === undefined ? {} : { shrinkage }),
    },
    "retune strategy portfolio",
  );
  const report = await askTool("optimizer/portfolio", request, PortfolioReport, { flags, terminal });
  if (flags.json === true) printJson(terminal, report);
  else terminal.out(portfolioText(report, terminal.columns));
  return 0;
}

/** Which prices are asked for. */
function pricesOf({ from, to, history }: StrategyFlags): Pick<StrategyRequest, "from" | "to" | "history"> {
  const nowMs = Date.now();
  const time = (text: string, flag: string) => parseSince(text, nowMs, flag).toISOString();
  return {
    ...(from === undefined ? {} : { from: time(from, "--from") }),
    ...(to === undefined ? {} : { to: time(to, "--to") }),
    ...(history === undefined ? {} : { history }),
  };
}

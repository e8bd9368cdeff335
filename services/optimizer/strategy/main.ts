/** `retune strategy` runs this: a StrategyRequest as JSON on stdin, a StrategyReport on stdout. */
import { StrategyReport, StrategyRequest } from "../../../shared/contracts/strategy.ts";
import { runTool } from "../../../shared/tool.ts";
import { answerStrategy } from "./strategy.ts";

await runTool({ name: "strategy", request: StrategyRequest, report: StrategyReport, answer: answerStrategy });

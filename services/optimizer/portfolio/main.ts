/** `retune strategy portfolio` runs this: a PortfolioRequest as JSON on stdin, a PortfolioReport on stdout. */
import { PortfolioReport, PortfolioRequest } from "../../../shared/contracts/strategy.ts";
import { runTool } from "../../../shared/tool.ts";
import { answerPortfolio } from "./portfolio.ts";

await runTool({
  name: "portfolio",
  request: PortfolioRequest,
  report: PortfolioReport,
  answer: answerPortfolio,
});

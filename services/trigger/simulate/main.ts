/** `retune simulate` runs this: a SimulationRequest as JSON on stdin, a SimulationReport on stdout. */
import { SimulationReport, SimulationRequest } from "../../../shared/contracts/simulation.ts";
import { runTool } from "../../../shared/tool.ts";
import { simulate } from "./simulate.ts";

await runTool({ name: "simulate", request: SimulationRequest, report: SimulationReport, answer: simulate });

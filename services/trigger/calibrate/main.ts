/** `retune calibrate` runs this: a CalibrationRequest as JSON on stdin, a CalibrationReport on stdout. */
import { CalibrationReport, CalibrationRequest } from "../../../shared/contracts/calibration.ts";
import { runTool } from "../../../shared/tool.ts";
import { calibrate } from "./calibrate.ts";

await runTool({
  name: "calibrate",
  request: CalibrationRequest,
  report: CalibrationReport,
  answer: calibrate,
});

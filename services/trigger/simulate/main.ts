/** `retune simulate` runs this: a SimulationRequest as JSON on stdin, a SimulationReport on stdout. */
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connectBus } from "../../../shared/bus/connect.ts";
import { connectionSettings } from "../../../shared/bus/settings.ts";
import { check } from "../../../shared/check.ts";
import { SimulationReport, SimulationRequest } from "../../../shared/contracts/simulation.ts";
import { explain } from "../../../shared/errors.ts";
import { createLog } from "../../../shared/log.ts";
import { codeVersion, folders, instanceName } from "../../../shared/service.ts";
import { simulate } from "./simulate.ts";

const say = (line: string) => process.stderr.write(`${line}\n`);

try {
  const request = check(SimulationRequest, JSON.parse(await text(process.stdin)), "the request on stdin");
  const { env } = process;
  const dirs = folders(env);
  const version = codeVersion(env);
  const log = createLog({ LOG_LEVEL: "error", ...env });
  const connect = () =>
    connectBus(connectionSettings({}, env), {
      source: `retune/simulate/${instanceName()}`,
      artifactFolder: join(dirs.data, "artifacts"),
      codeVersion: version,
      log,
      now: () => Date.now(),
    });
  const report = await simulate(SimulationRequest.parse(request), { dirs, version, connect, say });
  process.stdout.write(JSON.stringify(SimulationReport.parse(report)));
} catch (error) {
  say(`retune: ${explain(error)}`);
  process.exitCode = 1;
}

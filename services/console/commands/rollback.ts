import { RolledBack } from "../../../shared/contracts/deployer.ts";
import { sentence } from "../words/format.ts";
import { stepWords } from "../words/steps.ts";
import { type BusCommand, type CommandFlags, knownForecaster, person, printJson } from "./command.ts";

export interface RollbackFlags extends CommandFlags {
  readonly reason?: string;
}

const LIMIT_MS = 60_000;

/** `retune rollback <forecaster>`: the version before goes live again. (A-MON-2) */
export const rollback: BusCommand<RollbackFlags> = async ({ bus, terminal, flags }, forecaster = "") => {
  await knownForecaster(bus, forecaster);
  const { reason } = flags;
  const request = {
    forecaster,
    requested_by: person(terminal.env),
    ...(reason === undefined ? {} : { reason }),
  };
  const report = await bus.request("deployer.rollback", request, RolledBack, { timeoutMs: LIMIT_MS });
  if (flags.json === true) printJson(terminal, report);
  else terminal.out(`${forecaster}: ${sentence(stepWords("rolled-back", report).text)}`);
  return 0;
};

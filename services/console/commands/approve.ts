import { z } from "zod";
import { InvalidInputError } from "../../../shared/errors.ts";
import { readRun, readRuns } from "../decisions.ts";
import { findRun } from "../find-run.ts";
import { type BusCommand, type CommandFlags, person, printJson } from "./command.ts";

export interface ApproveFlags extends CommandFlags {
  readonly reject?: boolean;
  readonly note?: string;
  readonly by?: string;
}

const Reply = z.looseObject({
  run_id: z.string(),
  forecaster: z.string(),
  step: z.enum(["approved", "rejected"]),
});

/** `retune approve <run>`: a person's word on a held run; `--reject` says no. */
export const approve: BusCommand<ApproveFlags> = async ({ bus, terminal, flags }, asked = "") => {
  const run = (await readRun(bus, asked.toLowerCase())) ?? findRun(await readRuns(bus), asked);
  if (!run.steps.some((step) => step.step === "held")) {
    throw new InvalidInputError(
      `run ${run.run_id} of ${run.forecaster} is ${run.state}, only a held run waits for a person`,
    );
  }
  const { note, by = person(terminal.env) } = flags;
  const request = {
    run: run.run_id,
    approve: flags.reject !== true,
    by,
    ...(note === undefined ? {} : { note }),
  };
  const reply = await bus.request("deployer.approve", request, Reply, { timeoutMs: 30_000 });
  if (flags.json === true) printJson(terminal, reply);
  else terminal.out(`${reply.forecaster}: run ${reply.run_id} is ${reply.step} by ${by}.`);
  return 0;
};

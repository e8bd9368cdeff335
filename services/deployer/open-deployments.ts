import type { Bus } from "../../shared/bus/bus.ts";
import type { Message } from "../../shared/bus/message.ts";
import { Deployed } from "../../shared/contracts/deployer.ts";
import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import { parseStepSubject, subjects } from "../../shared/contracts/subjects.ts";
import { explain } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import { parseStep } from "./parse-step.ts";

export interface OpenDeployment {
  readonly event: CloudEvent<Deployed>;
  readonly sequence: number;
}

/**
 * The newest deployment of each forecaster, where its watch has no outcome: it has to be watched, whatever became of
 * the state of its watch. Older ones are no longer live and their runs hold nobody up.
 */
export async function openDeployments(
  bus: Pick<Bus, "read" | "outcome" | "lastMessage">,
  log: Pick<Log, "warn">,
): Promise<OpenDeployment[]> {
  const newest = new Map<string, Message>();
  for await (const message of bus.read("DECISIONS", { filter: "retrain.deployed.*.*" })) {
    const about = parseStepSubject(message.subject);
    if (about !== undefined) newest.set(about.forecaster, message);
  }
  const open: OpenDeployment[] = [];
  for (const message of newest.values()) {
    try {
      const event = parseStep(message, Deployed);
      if (await isOpen(bus, event.data)) open.push({ event, sequence: message.sequence });
    } catch (error) {
      log.warn({ subject: message.subject, cause: explain(error) }, "deployment cannot be watched");
    }
  }
  return open;
}

/** The stream is asked, too: outcomes may have been lost with the bucket they are claimed in. */
async function isOpen(
  bus: Pick<Bus, "outcome" | "lastMessage">,
  { run_id: run, forecaster }: Deployed,
): Promise<boolean> {
  if ((await bus.outcome(run, "watch")) !== undefined) return false;
  for (const step of ["verified", "rolled-back", "failed"] as const)
    if ((await bus.lastMessage("DECISIONS", subjects.step(step, forecaster, run))) !== undefined)
      return false;
  return true;
}

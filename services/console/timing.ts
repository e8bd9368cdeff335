import type { Bus } from "../../shared/bus/bus.ts";
import { type ArbiterStatus, TriggerStatus } from "../../shared/contracts/trigger.ts";
import { RetuneError } from "../../shared/errors.ts";

/** What runs, waits and comes next; undefined when the trigger does not answer in time, or in another version's words. */
export async function askTiming(
  bus: Pick<Bus, "request">,
  timeoutMs: number,
): Promise<readonly ArbiterStatus[] | undefined> {
  try {
    return (await bus.request("trigger.status", {}, TriggerStatus, { timeoutMs })).forecasters;
  } catch (error) {
    if (error instanceof RetuneError) return undefined;
    throw error;
  }
}

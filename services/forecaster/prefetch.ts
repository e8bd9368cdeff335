import { z } from "zod";
import type { Bus } from "../../shared/bus/bus.ts";
import { Candidate } from "../../shared/contracts/optimizer.ts";

const Found = z.object({ data: z.object({ candidate: Candidate }) });

/**
 * Brings a candidate's model into the local cache as soon as a search has found it, while it is still being proved,
 * so that a deployment need not wait for the object store. Only a head start: nobody hears of a fetch that fails, for
 * what goes live is fetched again then.
 */
export function prefetchCandidates(
  bus: Pick<Bus, "subscribeCore" | "artifacts">,
  forecaster: string,
): { ready: Promise<void>; stop(): void } {
  return bus.subscribeCore(`retrain.searched.${forecaster}.*`, async (event) => {
    const artifact = Found.safeParse(event).data?.data.candidate.artifact;
    if (artifact) await bus.artifacts.fetch(artifact).catch(() => {});
  });
}

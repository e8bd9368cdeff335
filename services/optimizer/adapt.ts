import { availableParallelism, totalmem } from "node:os";
import { durationMs } from "../../shared/contracts/duration.ts";
import type { SearchSpec } from "../../shared/contracts/spec.ts";
import { adaptSpace, type Resources } from "../../shared/search/adapt.ts";
import type { Space } from "../../shared/search/space.ts";
import type { LossBook } from "./losses.ts";

const MB = 1024 * 1024;

/** What a machine has for trials. */
export type Machine = Pick<Resources, "cores" | "memoryMb">;

/**
 * The machine this process runs on: as many trials at a time as it works on and has cores for, and an equal share of the
 * memory, a container's limit included. Other optimizers that may help are not counted on.
 *
 * @param workers trials that this process works on at a time; 0 counts as one for each core
 */
export function thisMachine(workers: number): Machine {
  const cores = Math.max(
    1,
    Math.min(workers === 0 ? Number.POSITIVE_INFINITY : workers, availableParallelism()),
  );
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return { cores, memoryMb: Math.floor(memory / MB / cores) };
}

/**
 * Cuts a space down to what a machine can do within the search's time limit, by what trials took in the last search.
 * (A-OPT-8)
 *
 * @param notes takes a sentence for each cut
 */
export function adaptation(
  { sampler, trials, time_limit }: SearchSpec,
  machine: Machine,
  { costs }: Pick<LossBook, "costs">,
  notes: string[],
): (space: Space) => Space {
  const resources = {
    ...machine,
    timeLimitMs: durationMs(time_limit),
    trials: sampler === "grid" ? ("all" as const) : trials,
  };
  const measured = costs.map(({ point, duration_ms, memory_mb, out_of_memory }) => ({
    point,
    durationMs: duration_ms,
    memoryMb: out_of_memory ? Number.POSITIVE_INFINITY : memory_mb,
  }));
  return (space) => {
    const adapted = adaptSpace(space, resources, measured);
    notes.push(...adapted.notes);
    return adapted.space;
  };
}

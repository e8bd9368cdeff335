import type { Bus } from "../../shared/bus/bus.ts";
import type { TrialTask } from "../../shared/contracts/optimizer.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { Results } from "./results.ts";
import { type PlannedTrial, type Study, taskOf } from "./state.ts";

const AT_ONCE = 100;

/** Puts the tasks of new trials on the work queue. */
export function storeTasks(bus: Bus, study: Study, trials: readonly PlannedTrial[]): Promise<void> {
  return inChunks(trials, (trial) => {
    const task = taskOf(study, trial);
    return store(bus, task, subjects.trial(task.run_id, task.number));
  });
}

/** Puts one task on the work queue anew. With an id of its own: the server would drop a repeat of the first one. */
export function putBack(bus: Bus, task: TrialTask): Promise<void> {
  return store(bus, task, newUuidV7());
}

/**
 * Repairs what a crash left: reads results the watch has not shown, and puts tasks back that have neither a result nor
 * a place on the queue.
 *
 * @returns how many tasks had been lost
 */
export async function restoreTasks(
  bus: Bus,
  study: Study,
  trials: readonly PlannedTrial[],
  results: Results,
): Promise<number> {
  let lost = 0;
  await inChunks(trials, async (trial) => {
    if (await results.look(trial.number)) return;
    if ((await bus.lastMessage("TRIALS", subjects.trial(study.run_id, trial.number))) !== undefined) return;
    // Between the two looks its worker may have finished.
    if (await results.look(trial.number)) return;
    lost += 1;
    await putBack(bus, taskOf(study, trial));
  });
  return lost;
}

async function store(bus: Bus, task: TrialTask, messageId: string): Promise<void> {
  await bus.store(subjects.trial(task.run_id, task.number), JSON.stringify(task), messageId);
}

/** A hundred at once. */
export async function inChunks<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += AT_ONCE)
    await Promise.all(items.slice(from, from + AT_ONCE).map(work));
}

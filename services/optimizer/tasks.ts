import type { Bus } from "../../shared/bus/bus.ts";
import type { TrialTask } from "../../shared/contracts/optimizer.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { Results } from "./results.ts";
import { type PlannedTask, type Study, taskOf } from "./state.ts";

const AT_ONCE = 100;

/** Puts new tasks on the work queue. */
export function storeTasks(bus: Bus, study: Study, tasks: readonly PlannedTask[]): Promise<void> {
  return inChunks(tasks, (planned) => {
    const task = taskOf(study, planned);
    return store(bus, task, subjects.trial(task.run_id, task.number, task.rung));
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
  tasks: readonly PlannedTask[],
  results: Results,
): Promise<number> {
  let lost = 0;
  await inChunks(tasks, async (planned) => {
    const { number } = planned.trial;
    if (await results.look(number, planned.rung)) return;
    const subject = subjects.trial(study.run_id, number, planned.rung);
    if ((await bus.lastMessage("TRIALS", subject)) !== undefined) return;
    // Between the two looks its worker may have finished.
    if (await results.look(number, planned.rung)) return;
    lost += 1;
    await putBack(bus, taskOf(study, planned));
  });
  return lost;
}

async function store(bus: Bus, task: TrialTask, messageId: string): Promise<void> {
  await bus.store(subjects.trial(task.run_id, task.number, task.rung), JSON.stringify(task), messageId);
}

/** A hundred at once. */
export async function inChunks<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += AT_ONCE)
    await Promise.all(items.slice(from, from + AT_ONCE).map(work));
}

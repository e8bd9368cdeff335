import { readdir, readFile } from "node:fs/promises";

/** What a process and everything it has started hold and have used. */
export interface TreeUsage {
  readonly processes: number;
  /** Resident set sizes added up: what two of them share, such as the C library, counts twice. */
  readonly memoryMb: number;
  /** Seconds of one core since their start. */
  readonly cpuSeconds: number;
}

/** Linux counts processor time in hundredths of a second, on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

/**
 * From /proc, so Linux alone. A process that ends meanwhile is left out.
 *
 * @throws when there is no such process, or no /proc
 */
export async function treeUsage(root: number): Promise<TreeUsage> {
  const stats = new Map<number, { parent: number; ticks: number }>();
  for (const name of await readdir("/proc")) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, "utf8").catch(() => "") : "";
    // The name in parentheses may hold anything; after it: state, parent, …, user time (14th), system time (15th).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields.length > 12)
      stats.set(Number(name), { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) });
  }
  if (!stats.has(root)) throw new Error(`there is no process ${root}`);
  const tree = [root];
  for (const pid of tree) for (const [child, { parent }] of stats) if (parent === pid) tree.push(child);
  const memory = await Promise.all(tree.map(memoryOf));
  return {
    processes: tree.length,
    memoryMb: memory.reduce((sum, kb) => sum + kb, 0) / 1024,
    cpuSeconds: tree.reduce((sum, pid) => sum + stats.get(pid)!.ticks, 0) / TICKS_PER_SECOND,
  };
}

/** Resident set size in kB; 0 for one that has ended. Proportional sizes would depend on who else runs Node here. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
}

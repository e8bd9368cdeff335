import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const MB = 1024 * 1024;

/** Memory that a process holds now, in MB; undefined where the system does not tell (no Linux) or it is gone. */
export function residentMb(pid: number): number | undefined {
  return statusMb(pid, "VmRSS");
}

/**
 * Peak memory of this process since `start`, above what it had when it was young: what models, training and
 * predictions take. On systems other than Linux peaks are those of the process's whole life.
 */
export class PeakMemory {
  private readonly baseMb = process.memoryUsage.rss() / MB;

  /** Forgets earlier peaks. */
  start(): void {
    try {
      writeFileSync("/proc/self/clear_refs", "5"); // 5: the peak becomes what is held now, proc(5)
    } catch {
      // Not Linux, or not allowed: the peak of the process's life is an upper bound.
    }
  }

  /** MB above the memory that the process had when this object was made, at least 0. */
  aboveBaseMb(): number {
    const peak = statusMb("self", "VmHWM") ?? process.resourceUsage().maxRSS / 1024;
    return Math.max(0, peak - this.baseMb);
  }
}

/** Asks the kernel to end this process before others when memory runs out. Its parent must live to tell. */
export function volunteerForOutOfMemory(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "500");
  } catch {
    // Not Linux: nothing to ask.
  }
}

/** Processes the kernel has ended for lack of memory since it started; undefined where it does not tell. */
export function kernelMemoryKills(): number | undefined {
  return proc("/proc/vmstat", /^oom_kill (\d+)$/m);
}

function statusMb(pid: number | "self", field: "VmRSS" | "VmHWM"): number | undefined {
  const kb = proc(`/proc/${pid}/status`, new RegExp(`^${field}:\\s+(\\d+) kB$`, "m"));
  return kb === undefined ? undefined : kb / 1024;
}

function proc(path: string, pattern: RegExp): number | undefined {
  try {
    const found = pattern.exec(readFileSync(path, "utf8"))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}

/** Memory that all processes of a group hold now, in MB; shared pages count for each. Undefined where not Linux. */
export function groupMb(group: number): number | undefined {
  let total: number | undefined;
  for (const name of processes()) {
    // pid (name) state ppid pgrp …; the name may hold anything but the last parenthesis ends it
    const leader = proc(`/proc/${name}/stat`, /.*\) \S+ \S+ (\d+) /s);
    if (leader === group) total = (total ?? 0) + (residentMb(Number(name)) ?? 0);
  }
  return total;
}

function processes(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { RunSummary } from "../../shared/contracts/run.ts";
import { TERMINAL_STEPS } from "../../shared/contracts/subjects.ts";
import type { World } from "./world.ts";

/** What disagrees about a forecaster among the KV bucket, the config file and git's HEAD; empty when all agree. */
export async function disagreements(world: World, forecaster: string): Promise<string[]> {
  const live = await world.bus.kv("live-configs", LiveConfig).get(forecaster);
  const folder = join(world.configs, "live");
  const path = join(folder, `${forecaster}.json`);
  if (live === undefined) return existsSync(path) ? [`${path} is there without a live config`] : [];
  const expected = JSON.stringify(live.value);
  const file = existsSync(path) ? JSON.stringify(JSON.parse(readFileSync(path, "utf8"))) : "no file";
  const committed = JSON.stringify(JSON.parse(git(folder, "show", `HEAD:${forecaster}.json`)));
  return [
    ...(file === expected ? [] : [`file ${file}, KV ${expected}`]),
    ...(committed === expected ? [] : [`git ${committed}, KV ${expected}`]),
  ];
}

/** Commits per run, by their trailer. */
export function commitsByRun(world: World): Map<string, number> {
  const folder = join(world.configs, "live");
  const counts = new Map<string, number>();
  if (!existsSync(join(folder, ".git"))) return counts;
  for (const run of git(folder, "log", "--format=%(trailers:key=Retune-Run,valueonly)").split("\n")) {
    if (run.trim() !== "") counts.set(run.trim(), (counts.get(run.trim()) ?? 0) + 1);
  }
  return counts;
}

export function terminalSteps(run: RunSummary): string[] {
  return run.steps.map(({ step }) => step).filter((step) => TERMINAL_STEPS.includes(step));
}

function git(folder: string, ...args: string[]): string {
  return execFileSync("git", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

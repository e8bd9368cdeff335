import { join } from "node:path";
import { explain, InvalidInputError, UnavailableError } from "../../errors.ts";
import { withFileLock } from "./lock.ts";
import { run } from "./run.ts";
import { apt } from "./steps/apt.ts";
import { goInstall } from "./steps/go-install.ts";
import { cached, named, onPath } from "./steps/local.ts";
import { release } from "./steps/release.ts";
import { cacheDirectory, type FindStep } from "./steps/step.ts";
import { compareVersions, OLDEST_VERSION } from "./version.ts";

export interface FoundServer {
  readonly path: string;
  readonly version: string; // such as 2.9.10
  readonly from: string; // the name of the step that found it
}

/** The places in the order in which they are asked. */
export const FIND_STEPS: readonly FindStep[] = [named, onPath(), cached, apt, goInstall, release()];

const LOCK_TIMEOUT_MS = 900_000;

/**
 * Finds a nats-server of version 2.9.10 or newer, or installs one: `NATS_SERVER_BIN`, the PATH, the
 * cache, the distribution's package, `go install`, the official release. Safe to call from many
 * processes at once: only one installs, the others wait and then find what it installed.
 *
 * @param onProgress hears one line before each step that may take minutes
 * @throws {InvalidInputError} `NATS_SERVER_BIN` names something else
 * @throws {UnavailableError} no place has one; the message says what each of them answered
 */
export async function findNatsServer(
  env: NodeJS.ProcessEnv = process.env,
  steps: readonly FindStep[] = FIND_STEPS,
  onProgress: (line: string) => void = () => {},
): Promise<FoundServer> {
  const looking = steps.filter((step) => !step.installs);
  const installing = steps.filter((step) => step.installs);
  const first = await firstOf(looking, env, onProgress);
  if (first.found) return first.found;

  return await withFileLock(join(cacheDirectory(env), "install.lock"), LOCK_TIMEOUT_MS, async () => {
    const second = await firstOf(looking, env, onProgress); // the holder before us may have installed one
    if (second.found) return second.found;
    const third = await firstOf(installing, env, onProgress);
    if (third.found) return third.found;
    const answers = [...second.failures, ...third.failures].map((failure) => `\n  ${failure}`).join("");
    throw new UnavailableError(
      `no nats-server found. Install one (https://docs.nats.io/running-a-nats-service/introduction/installation), ` +
        `name it in NATS_SERVER_BIN, or point NATS_URL at a running one. Tried:${answers}`,
    );
  });
}

async function firstOf(
  steps: readonly FindStep[],
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<{ found?: FoundServer; failures: string[] }> {
  const failures: string[] = [];
  for (const step of steps) {
    if (step.installs) onProgress(`no nats-server yet, trying ${step.name}`);
    try {
      const path = await step.find(env);
      return { found: { path, version: await versionOf(path, env), from: step.name }, failures };
    } catch (error) {
      if (error instanceof InvalidInputError) throw error;
      failures.push(`${step.name}: ${explain(error)}`);
    }
  }
  return { failures };
}

async function versionOf(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const text = await run(path, ["--version"], { env, timeoutMs: 20_000 });
  const version = /v?(\d+\.\d+\.\d+\S*)/.exec(text)?.[1];
  if (!version) throw new Error(`'${path} --version' says '${text.trim()}', which holds no version`);
  if (compareVersions(version, OLDEST_VERSION) < 0) {
    throw new Error(`'${path}' is version ${version}, ${OLDEST_VERSION} or newer is needed`);
  }
  return version;
}

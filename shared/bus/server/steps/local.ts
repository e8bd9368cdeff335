import { InvalidInputError } from "../../../errors.ts";
import { isExecutable, whichProgram } from "../run.ts";
import { OLDEST_VERSION, PINNED_VERSION } from "../version.ts";
import { cachedServer, type FindStep } from "./step.ts";

/** Packages put servers where the PATH of an ordinary user does not look. */
const MORE_DIRECTORIES = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"] as const;

/** The program that `NATS_SERVER_BIN` names. What a person asked for by name is never replaced silently. */
export const named: FindStep = {
  name: "NATS_SERVER_BIN",
  installs: false,
  async find(env) {
    if (!env.NATS_SERVER_BIN) throw new Error("not set");
    if (isExecutable(env.NATS_SERVER_BIN)) return env.NATS_SERVER_BIN;
    throw new InvalidInputError(
      `NATS_SERVER_BIN: '${env.NATS_SERVER_BIN}' is not an executable file; name a nats-server ${OLDEST_VERSION} or newer`,
    );
  },
};

/** `nats-server` on the PATH, then in the usual directories for servers. */
export function onPath(more: readonly string[] = MORE_DIRECTORIES): FindStep {
  return {
    name: "PATH",
    installs: false,
    async find(env) {
      const found = whichProgram("nats-server", env, more);
      if (!found) throw new Error("no nats-server");
      return found;
    },
  };
}

/** A copy that one of the installing steps left in the cache. */
export const cached: FindStep = {
  name: "cache",
  installs: false,
  async find(env) {
    const path = cachedServer(env, PINNED_VERSION);
    if (!isExecutable(path)) throw new Error(`no '${path}'`);
    return path;
  },
};

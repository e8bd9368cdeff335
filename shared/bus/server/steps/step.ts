import { join } from "node:path";
import { homeOf } from "../../nats-context.ts";

/** One place where a nats-server may come from. */
export interface FindStep {
  readonly name: string;
  readonly installs: boolean; // changes the machine, so it runs under a lock and after the others
  /**
   * @returns the path of a nats-server
   * @throws {Error} with the reason why this place has none
   */
  find(env: NodeJS.ProcessEnv): Promise<string>;
}

/** Where Retune keeps programs it fetched: `$XDG_CACHE_HOME/retune` or `~/.cache/retune`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(homeOf(env), ".cache"), "retune");
}

/** The cached copy of one release. */
export function cachedServer(env: NodeJS.ProcessEnv, version: string): string {
  return join(cacheDirectory(env), `nats-server-${version}`, "nats-server");
}

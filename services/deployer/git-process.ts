/**
 * The process that commits for a deployer: see `RepositoryProcess`, which starts it. It answers requests over IPC and
 * ends when the deployer is gone, after the commits that are under way.
 *
 * Arguments: the repository's folder, then git's settings.
 */
import { type CommitRequest, type Committed, LiveRepository } from "./live-repository.ts";

export interface Asked {
  readonly id: number;
  readonly request: CommitRequest;
}

export interface Answered {
  readonly id: number;
  readonly committed: Committed;
}

const [root = "", ...settings] = process.argv.slice(2);
const repository = new LiveRepository(root, settings);

// Ctrl-C reaches every process of a terminal. The deployer ends this one, when it has no more to commit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
process.on("message", ({ id, request }: Asked) => {
  void repository.commit(request).then((committed) => {
    if (process.connected) process.send?.({ id, committed } satisfies Answered);
  });
});

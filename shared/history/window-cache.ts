import type { ArtifactStore } from "../bus/artifacts.ts";
import { Recent } from "../recent.ts";
import { readWindow, type Window } from "./window.ts";

/** The digest is the content, so every service of a process may use what another one has read. */
const windows = new Recent<Window>();

export interface WindowCache {
  /** @throws as `ArtifactStore.fetch` and `readWindow` */
  get(digest: string): Promise<Window>;
  /** Has the window read again, from the disk, by whoever wants it next. */
  delete(digest: string): void;
}

/** The windows that this process has read last; none of them may be changed. */
export function windowCache(artifacts: Pick<ArtifactStore, "fetch">): WindowCache {
  return {
    get: (digest) => windows.get(digest, async () => readWindow(await artifacts.fetch(digest))),
    delete: (digest) => windows.delete(digest),
  };
}

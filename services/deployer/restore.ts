import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import { explain, StaleStateError } from "../../shared/errors.ts";
import { rollbackMessage } from "./commit-message.ts";
import { before, type LiveEntry, restoredConfig } from "./decide.ts";
import { fileName, LiveFolderError } from "./live-folder.ts";
import type { LivePorts } from "./ports.ts";

/**
 * Takes back a config whose deployment could not be finished. (A-DEP-6) The bucket goes first: readers follow
 * it. The file keeps the previous content where the disk refuses even this; it is mended within a minute.
 *
 * @returns what is live now, for the report
 */
export async function restore(
  ports: LivePorts,
  failed: { readonly config: LiveConfig; readonly revision: number },
  previous: LiveConfig | null,
): Promise<string> {
  const { forecaster, version, run_id: run } = failed.config;
  const restored = previous === null ? null : restoredConfig(previous, failed.config);
  try {
    if (restored === null) await ports.configs.delete(forecaster, failed.revision);
    else await ports.configs.update(forecaster, restored, failed.revision);
  } catch (error) {
    if (!(error instanceof StaleStateError)) throw error;
    return `version ${version} was replaced by another writer meanwhile and left to it`;
  }
  const said =
    restored === null
      ? "the forecaster has no config again"
      : `version ${previous?.version} is live again as ${restored.version}`;
  try {
    await followBucket(ports, forecaster);
  } catch (error) {
    if (!(error instanceof LiveFolderError)) throw error;
    return `${said}, its file will be written later (${explain(error)})`;
  }
  await ports.repository.commit({
    path: fileName(forecaster),
    message: rollbackMessage(forecaster, restored, version, run),
    run,
    rollback: true,
  });
  return said;
}

/**
 * Takes back what a run whose deployment has ended `failed` left live: its process was slower than whoever ended
 * the run, or died. Does nothing where the run has nothing live, so it may be called again.
 *
 * @returns what is live now, undefined where there was nothing to take back
 */
export async function withdraw(
  ports: LivePorts,
  forecaster: string,
  run: string,
): Promise<string | undefined> {
  const live = await ports.configs.get(forecaster);
  if (!isOf(live, run)) return undefined;
  const previous = before(live.revision, await ports.configs.history(forecaster));
  return restore(ports, { config: live.value, revision: live.revision }, previous);
}

/** Whether the config that `run` deployed is live. A restored one has the id of the run it was once deployed by. */
export function isOf(live: LiveEntry | undefined, run: string): live is LiveEntry {
  return live?.value.run_id === run && live.value.restored_from_version === undefined;
}

/** Makes the file agree with the bucket, also where others write both meanwhile. */
export async function followBucket(
  {
    configs,
    folder,
  }: {
    readonly configs: Pick<LivePorts["configs"], "get">;
    readonly folder: Pick<LivePorts["folder"], "write" | "remove">;
  },
  forecaster: string,
): Promise<void> {
  for (;;) {
    const live = await configs.get(forecaster);
    if (live === undefined) await folder.remove(forecaster);
    else await folder.write(forecaster, live.value);
    // Whoever was paused between the two has written what is old by now, over what is new perhaps.
    if ((await configs.get(forecaster))?.revision === live?.revision) return;
  }
}

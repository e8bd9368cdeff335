import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import { explain, StaleStateError } from "../../shared/errors.ts";
import { rollbackMessage } from "./commit-message.ts";
import { restoredConfig } from "./decide.ts";
import { fileName, LiveFolderError } from "./live-folder.ts";
import type { LivePorts } from "./ports.ts";

/**
 * Takes back a config whose deployment could not be finished. (A-DEP-6) The bucket goes first: readers follow
 * it. The file keeps the previous content where the disk refuses even this; the next start mends it.
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
    await writeOrRemove(ports, forecaster, restored);
  } catch (error) {
    if (!(error instanceof LiveFolderError)) throw error;
    return `${said}, its file will be written at the next start (${explain(error)})`;
  }
  await ports.repository.commit({
    path: fileName(forecaster),
    message: rollbackMessage(forecaster, restored, version, run),
    run,
    rollback: true,
    repeated: false,
  });
  return said;
}

/** Makes the file agree with the bucket. */
export function writeOrRemove(
  { folder }: Pick<LivePorts, "folder">,
  forecaster: string,
  config: LiveConfig | null,
): Promise<void> {
  return config === null ? folder.remove(forecaster) : folder.write(forecaster, config);
}

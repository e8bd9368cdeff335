import type { LiveConfig } from "../../shared/contracts/live-config.ts";

/** Trailers by which a commit is recognised. */
export const RUN_TRAILER = "Retune-Run";
export const ROLLBACK_TRAILER = "Retune-Rollback";

/** Message of a deployment's commit. (A-DEP-3) */
export function deploymentMessage(config: LiveConfig): string {
  return message(`Deploy optimized config for ${config.forecaster}`, facts(config), [
    `${RUN_TRAILER}: ${config.run_id}`,
  ]);
}

/**
 * Message of the commit that takes a config back.
 *
 * @param restored what is live again, null where the forecaster has no config any more
 * @param run      the run in whose name it happens
 */
export function rollbackMessage(
  forecaster: string,
  restored: LiveConfig | null,
  fromVersion: number,
  run: string,
): string {
  const [subject, lines] =
    restored === null
      ? [
          `Remove config of ${forecaster}`,
          [`Version ${fromVersion} was its first; there is none to go back to.`],
        ]
      : [`Restore config for ${forecaster}`, [`Replaces version: ${fromVersion}`, ...facts(restored)]];
  return message(subject, lines, [`${RUN_TRAILER}: ${run}`, `${ROLLBACK_TRAILER}: yes`]);
}

/** The run a commit was made for, and whether it took a config back; undefined for commits of others. */
export function readTrailers(body: string): { run: string; rollback: boolean } | undefined {
  const run = new RegExp(`^${RUN_TRAILER}: (\\S+)$`, "m").exec(body)?.[1];
  return run === undefined
    ? undefined
    : { run, rollback: new RegExp(`^${ROLLBACK_TRAILER}: yes$`, "m").test(body) };
}

function facts(config: LiveConfig): string[] {
  return [
    `RMSE: ${config.validation_rmse ?? "not measured"}`,
    `Context: ${config.context_length}`,
    `Samples: ${config.num_samples}`,
    `Temperature: ${Number.isInteger(config.temperature) ? config.temperature.toFixed(1) : config.temperature}`,
    `Optimized: ${config.timestamp}`,
  ];
}

function message(subject: string, lines: readonly string[], trailers: readonly string[]): string {
  return [subject, "", ...lines, "", ...trailers].join("\n");
}

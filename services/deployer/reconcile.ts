import { isDeepStrictEqual } from "node:util";
import type { KvBucket } from "../../shared/bus/kv.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import { explain } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { LiveFolder } from "./live-folder.ts";

/**
 * Makes the files follow the bucket, which is the truth: after a crash between the two, on a new disk, after
 * an edit by hand. What nobody else has a copy of is backed up before it is overwritten.
 *
 * @returns the forecasters whose file was written
 */
export async function reconcile(
  { log, clock, reportHealth }: Pick<ServiceContext, "log" | "clock" | "reportHealth">,
  configs: Pick<KvBucket<LiveConfig>, "entries" | "history">,
  folder: LiveFolder,
): Promise<string[]> {
  const written: string[] = [];
  const problems: string[] = [];
  for (const { key: forecaster, value } of await configs.entries("*")) {
    try {
      const text = await folder.read(forecaster);
      const found = text === undefined ? undefined : parse(text);
      if (isDeepStrictEqual(found, value)) continue;
      const known =
        found !== undefined &&
        (await configs.history(forecaster)).some((past) => isDeepStrictEqual(past.value, found));
      const at = new Date(clock.now()).toISOString();
      const backup = text === undefined || known ? null : await folder.backUp(forecaster, at, null, text);
      await folder.write(forecaster, value);
      log.warn(
        { forecaster, version: value.version, backup },
        text === undefined ? "config file was missing" : "config file differed from the live config",
      );
      written.push(forecaster);
    } catch (error) {
      log.error({ err: error, forecaster }, "config file could not be written");
      problems.push(`${forecaster}: ${explain(error)}`);
    }
  }
  reportHealth("live-folder", problems.length === 0 ? null : problems.join("; "));
  return written;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

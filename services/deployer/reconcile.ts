import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { KvBucket } from "../../shared/bus/kv.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import { explain } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { LiveFolder } from "./live-folder.ts";
import { followBucket } from "./restore.ts";

/** A deployment between bucket and file takes milliseconds: what still differs after this is nobody's work. */
const AGAIN_AFTER_MS = 1_000;

type Shell = Pick<ServiceContext, "log" | "clock" | "reportHealth">;
type Configs = Pick<KvBucket<LiveConfig>, "entries" | "get" | "history">;

/**
 * Makes the files follow the bucket, which is the truth: after a crash between the two, on a new disk, after
 * an edit by hand, after a write of a process that was paused for long. What nobody else has a copy of is backed
 * up before it is overwritten. A file without a config in the bucket goes where it is one that was taken back.
 *
 * @param againAfterMs pause before a second look at what differs, 0 for none: others may be writing it just now
 * @returns the forecasters whose file was written or removed
 */
export async function reconcile(
  shell: Shell,
  configs: Configs,
  folder: LiveFolder,
  againAfterMs = AGAIN_AFTER_MS,
): Promise<string[]> {
  const mended: string[] = [];
  const problems: string[] = [];
  const live = (await configs.entries("*")).map(({ key }) => key);
  for (const forecaster of new Set([...live, ...(await folder.list())])) {
    try {
      if ((await difference(configs, folder, forecaster)) === undefined) continue;
      await sleep(againAfterMs);
      const found = await difference(configs, folder, forecaster);
      if (found === undefined) continue;
      await mend(shell, configs, folder, forecaster, found);
      mended.push(forecaster);
    } catch (error) {
      shell.log.error({ err: error, forecaster }, "config file could not be written");
      problems.push(`${forecaster}: ${explain(error)}`);
    }
  }
  shell.reportHealth("live-folder", problems.length === 0 ? null : problems.join("; "));
  return mended;
}

interface Difference {
  readonly version: number | null; // live, null where none is
  readonly text: string | undefined; // of the file
  readonly known: boolean; // whether the bucket has, or had, what the file says
}

async function difference(
  configs: Configs,
  folder: LiveFolder,
  forecaster: string,
): Promise<Difference | undefined> {
  const live = await configs.get(forecaster);
  const text = await folder.read(forecaster);
  const said = text === undefined ? undefined : parse(text);
  if (live === undefined ? text === undefined : isDeepStrictEqual(said, live.value)) return undefined;
  const known =
    said !== undefined &&
    (await configs.history(forecaster)).some(({ value }) => isDeepStrictEqual(value, said));
  // A file that the bucket has never heard of is somebody else's.
  if (live === undefined && !known) return undefined;
  return { version: live?.value.version ?? null, text, known };
}

async function mend(
  { log, clock }: Shell,
  configs: Configs,
  folder: LiveFolder,
  forecaster: string,
  { version, text, known }: Difference,
): Promise<void> {
  const at = new Date(clock.now()).toISOString();
  const backup = text === undefined || known ? null : await folder.backUp(forecaster, at, null, text);
  await followBucket({ configs, folder }, forecaster);
  const what =
    text === undefined
      ? "config file was missing"
      : version === null
        ? "config file was of a config that was taken back"
        : "config file differed from the live config";
  log.warn({ forecaster, version, backup }, what);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

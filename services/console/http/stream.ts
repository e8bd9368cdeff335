import type { SSEStreamingApi } from "hono/streaming";
import type { Projection } from "../projection/projection.ts";

const GAP_MS = 300; // between two messages to one reader
const HEARTBEAT_MS = 15_000;

/**
 * Feeds one reader: a `snapshot` first, then a `patch` of what changed, at most about three a second. A
 * reader that is slow gets fewer patches, never a queue of them. Heartbeats keep proxies from closing a
 * silent stream. Resolves when the reader leaves or `stopped` fires.
 */
export async function streamChanges(
  stream: SSEStreamingApi,
  projection: Projection,
  stopped: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  stream.onAbort(() => gone.abort());
  const over = AbortSignal.any([gone.signal, stopped]);
  let version = projection.version;
  await stream.writeSSE({ event: "snapshot", data: JSON.stringify(projection.snapshot()), retry: 1_000 });
  while (!over.aborted) {
    const changed = await nextChange(projection, version, over);
    if (over.aborted) return;
    if (!changed) {
      await stream.writeSSE({ event: "heartbeat", data: "" });
      continue;
    }
    const now = projection.version;
    await stream.writeSSE({ event: "patch", data: JSON.stringify(projection.patchSince(version)) });
    version = now;
    await pause(GAP_MS, over);
  }
}

/** True as soon as there is something newer than `version`, false after the time of a heartbeat. */
function nextChange(projection: Projection, version: number, over: AbortSignal): Promise<boolean> {
  if (projection.version > version) return Promise.resolve(true);
  return new Promise((resolve) => {
    const finish = (changed: boolean) => {
      clearTimeout(timer);
      forget();
      over.removeEventListener("abort", aborted);
      resolve(changed);
    };
    const aborted = () => finish(false);
    const timer = setTimeout(() => finish(false), HEARTBEAT_MS);
    const forget = projection.onChange(() => finish(true));
    over.addEventListener("abort", aborted, { once: true });
    if (over.aborted) finish(false);
  });
}

function pause(ms: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (over.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      over.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    over.addEventListener("abort", done, { once: true });
  });
}

import { signal } from "@preact/signals";
import { shownRuns } from "../../projection/shown-runs.ts";
import type { ForecasterView, LogView, Patch, RunView, Snapshot, TopView } from "../../projection/view.ts";

const LINES = 150;

export const top = signal<TopView | null>(null);
export const forecasters = signal<readonly ForecasterView[]>([]);
export const runs = signal<readonly RunView[]>([]);
export const log = signal<readonly LogView[]>([]); // newest first
export const connected = signal(false);
/** Whether a demo was seen since the page was opened: its data's source is named from then on. */
export const demoSeen = signal(false);

/** Follows the console's event stream for as long as the page is open; the browser reconnects by itself. */
export function connect(): void {
  const events = new EventSource("/events");
  events.addEventListener("open", () => {
    connected.value = true;
  });
  events.addEventListener("error", () => {
    connected.value = false;
    // A refused connection is not tried again by the browser.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2_000);
  });
  events.addEventListener("snapshot", ({ data }: MessageEvent<string>) =>
    replace(JSON.parse(data) as Snapshot),
  );
  events.addEventListener("patch", ({ data }: MessageEvent<string>) => merge(JSON.parse(data) as Patch));
}

function replace(snapshot: Snapshot): void {
  setTop(snapshot.top);
  forecasters.value = snapshot.forecasters;
  runs.value = snapshot.runs;
  log.value = snapshot.log.toReversed();
}

function merge(patch: Patch): void {
  if (patch.top !== undefined) setTop(patch.top);
  if (patch.forecasters !== undefined)
    forecasters.value = mergeRows(forecasters.value, patch.forecasters, (row) => row.id);
  if (patch.runs !== undefined) {
    const rows = mergeRows(runs.value, patch.runs, (row) => row.run_id);
    runs.value = shownRuns(rows.toSorted((a, b) => b.sequence - a.sequence));
  }
  if (patch.log !== undefined) {
    const rows = mergeRows(log.value, patch.log, (row) => String(row.sequence));
    log.value = rows.toSorted((a, b) => b.sequence - a.sequence).slice(0, LINES);
  }
}

function setTop(value: TopView): void {
  top.value = value;
  if (value.demo !== null) demoSeen.value = true;
}

function mergeRows<T>(known: readonly T[], news: readonly T[], idOf: (row: T) => string): T[] {
  const byId = new Map(news.map((row) => [idOf(row), row]));
  const kept = known.map((row) => {
    const id = idOf(row);
    const newer = byId.get(id);
    byId.delete(id);
    return newer ?? row;
  });
  return [...kept, ...byId.values()];
}

import { useState } from "preact/hooks";
import { connected, top } from "./store.ts";

/** What just happened, in one sentence, and one command to type next. */
export function Header() {
  const now = top.value;
  return (
    <header class="top">
      <div class="bar">
        <span class="brand">
          <img src="/icon.svg" alt="" width="22" height="22" />
          Retune
        </span>
        <Counts />
        <Clock />
        <span class={`link ${connected.value ? "on" : "off"}`} role="status">
          {connected.value ? "live" : "reconnecting"}
        </span>
      </div>
      <div class="news">
        <p class="headline" aria-live="polite">
          {now?.sentence ?? "Connecting …"}
        </p>
        {now?.next_command != null && <Command command={now.next_command} />}
      </div>
      {now?.demo?.progress != null && now.demo.progress < 1 && (
        <progress class="demo" value={now.demo.progress} max={1} aria-label="how far the demo is" />
      )}
    </header>
  );
}

function Counts() {
  const counts = top.value?.counts;
  if (counts === undefined) return <span class="counts" />;
  const parts: [number, string][] = [
    [counts.runs, "runs"],
    [counts.deployments, "deployed"],
    [counts.rejected, "rejected"],
    [counts.rollbacks, "rolled back"],
    ...(counts.dead_letters > 0 ? [[counts.dead_letters, "dead letters"] as [number, string]] : []),
  ];
  return (
    <span class="counts">
      {parts.map(([n, what]) => (
        <span key={what}>
          <b>{n}</b> {what}
        </span>
      ))}
    </span>
  );
}

/** The demo's virtual day, or the newest time the streams know. */
function Clock() {
  const now = top.value;
  const virtual = now?.demo?.virtual_time ?? null;
  const time = virtual ?? now?.time ?? null;
  if (time === null) return null;
  const day = new Date(time);
  const shown = Number.isNaN(day.getTime())
    ? time
    : day.toLocaleDateString("en-GB", {
        weekday: "short",
        day: "numeric",
        month: "short",
        year: "numeric",
        timeZone: "UTC",
      });
  return (
    <time
      class="clock"
      dateTime={time}
      title={virtual === null ? "newest time in the streams" : "virtual clock of the demo"}
    >
      {shown}
    </time>
  );
}

function Command({ command }: { command: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <p class="next">
      <span>Next:</span>
      <code>{command}</code>
      {"clipboard" in navigator && (
        <button type="button" onClick={() => void copy().catch(() => {})}>
          {copied ? "copied" : "copy"}
        </button>
      )}
    </p>
  );
}

/** A number with `digits` significant digits, without trailing zeros; large integers whole; null and NaN as "n/a". */
export function figure(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "n/a";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : "-infinite";
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const rounded = Number(value.toPrecision(digits));
  return Math.abs(rounded) >= 1e6 || (rounded !== 0 && Math.abs(rounded) < 1e-4)
    ? value.toExponential(digits - 1)
    : String(rounded);
}

/** A share as percent: 0.0512 is "5.1 %". One decimal below 10 %, none from 100 %. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return "n/a";
  const value = share * 100;
  const decimals = Math.abs(value) >= 100 ? 0 : 1;
  const text = value.toFixed(decimals);
  return `${Number(text) === 0 ? "0" : text.replace(/\.0$/, "")} %`;
}

/** As `percent`, with a sign on both sides of zero: "+1.3 %". */
export function signedPercent(share: number | null | undefined): string {
  const text = percent(share);
  return share !== null && share !== undefined && share > 0 && text !== "0 %" ? `+${text}` : text;
}

/** A span as people say it: "420 ms", "3.2 s", "4 min 5 s", "2 h 10 min", "3 d 4 h". */
export function span(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "n/a";
  if (ms < 0) return `-${span(-ms)}`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return pair(seconds, 60, "min", "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60 * 24) return pair(minutes, 60, "h", "min");
  return pair(Math.round(minutes / 60), 24, "d", "h");
}

function pair(value: number, size: number, big: string, small: string): string {
  const rest = value % size;
  return rest === 0 ? `${value / size} ${big}` : `${Math.floor(value / size)} ${big} ${rest} ${small}`;
}

/** "2026-03-01 12:00:05 UTC"; midnight is the day alone. What is no time comes back as it is. */
export function moment(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return printable(iso);
  const text = at.toISOString();
  const time = text.slice(11, 19);
  return time === "00:00:00" ? text.slice(0, 10) : `${text.slice(0, 10)} ${time} UTC`;
}

/** The end of a run's id: the part that differs between runs of the same moment. `retune why` takes it. */
export function shortRun(runId: string): string {
  return runId.length > 8 ? runId.slice(-8) : runId;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the point
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text from outside made safe for a terminal: control and direction characters become U+FFFD. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, "\ufffd");
}

/** Text of a service for people: printable, and its ISO times as `moment` writes them, its "->" an arrow. */
export function readable(text: string): string {
  return printable(text)
    .replaceAll(" -> ", " → ")
    .replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g, moment);
}

/** "1 trial", "27 trials". */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${figure(n)} ${n === 1 ? noun : plural}`;
}

/** Reasons side by side: they are clauses with commas of their own. */
export function joined(reasons: readonly string[]): string {
  return reasons.join("; ");
}

/** "a", "a and b", "a, b and c". */
export function list(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? "") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** Ends with a full stop, unless it ends already. */
export function full(text: string): string {
  const trimmed = text.trim();
  return trimmed === "" || /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** As `full`, with a capital in front. */
export function sentence(text: string): string {
  const whole = full(text);
  return whole.slice(0, 1).toUpperCase() + whole.slice(1);
}

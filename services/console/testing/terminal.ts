import type { Terminal } from "../terminal.ts";

export interface RecordedTerminal extends Terminal {
  readonly stdout: string[]; // one entry a call
  readonly stderr: string[];
  /** As Ctrl-C would. */
  end(): void;
  text(): string;
  json(): unknown;
}

/** A terminal that keeps what was written. */
export function recordedTerminal(
  over: { env?: NodeJS.ProcessEnv; columns?: number; interactive?: boolean; colour?: boolean } = {},
): RecordedTerminal {
  const { env = {}, columns = Number.POSITIVE_INFINITY, interactive = false, colour = false } = over;
  const stdout: string[] = [];
  const stderr: string[] = [];
  const stop = new AbortController();
  return {
    env: { USER: "ana", ...env },
    columns,
    interactive,
    colour,
    stdout,
    stderr,
    stop: stop.signal,
    out: (text) => void stdout.push(text),
    error: (text) => void stderr.push(text),
    raw: (text) => void stdout.push(text),
    end: () => stop.abort(),
    text: () => stdout.join("\n"),
    json: () => JSON.parse(stdout.join("\n")) as unknown,
  };
}

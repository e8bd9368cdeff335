import { styleText } from "node:util";
import type { Tone } from "./words/steps.ts";

/** Where a command writes to, and what it may do there. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly columns: number; // Infinity where the output is no terminal
  readonly interactive: boolean; // lines may be rewritten
  readonly colour: boolean;
  out(text: string): void; // one or more lines, without the last line break
  error(text: string): void;
  raw(text: string): void; // as it is: control sequences
  /** Fires when the person wants the command to end; reading it means the command will see to that. */
  readonly stop: AbortSignal;
}

const STYLES: Readonly<Record<Tone, Parameters<typeof styleText>[0] | undefined>> = {
  neutral: undefined,
  progress: "cyan",
  good: "green",
  bad: "red",
  attention: "yellow",
};

export function toned({ colour }: Pick<Terminal, "colour">, tone: Tone, text: string): string {
  const style = STYLES[tone];
  return colour && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
}

export function strong({ colour }: Pick<Terminal, "colour">, text: string): string {
  return colour ? styleText("bold", text, { validateStream: false }) : text;
}

export function faint({ colour }: Pick<Terminal, "colour">, text: string): string {
  return colour ? styleText("dim", text, { validateStream: false }) : text;
}

/** The process's own. A reader that went away (`retune history | head`) ends it quietly. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  let stop: AbortSignal | undefined;
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
  const interactive = stdout.isTTY === true && env.TERM !== "dumb";
  return {
    env,
    columns: stdout.isTTY === true ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY,
    interactive,
    colour: stdout.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb",
    out: (text) => stdout.write(`${text}\n`),
    error: (text) => stderr.write(`${text}\n`),
    raw: (text) => stdout.write(text),
    get stop() {
      stop ??= stopSignal();
      return stop;
    },
  };
}

/** From here on Ctrl-C asks the command to end; asked twice, it ends the process. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stop.abort();
      process.once(signal, () => process.exit(130));
    });
  }
  return stop.signal;
}

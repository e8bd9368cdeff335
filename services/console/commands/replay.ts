import type { Message } from "../../../shared/bus/message.ts";
import { parseSince } from "../since.ts";
import { toned } from "../terminal.ts";
import { describeEvent } from "../words/describe.ts";
import { moment } from "../words/format.ts";
import type { Tone } from "../words/steps.ts";
import { wrap } from "../words/table.ts";
import type { BusCommand, CommandFlags } from "./command.ts";

export interface ReplayFlags extends CommandFlags {
  readonly since?: string;
  readonly forecaster?: string;
}

/** One line of a replay. */
export interface ReplayLine {
  readonly sequence: number;
  readonly time: string; // of the decision; of its storing where the payload has none
  readonly subject: string;
  readonly kind: string;
  readonly forecaster: string | null;
  readonly run_id: string | null;
  readonly tone: Tone;
  readonly text: string;
}

/**
 * `retune replay`: every decision in order, one line each. DECISIONS forbids deleting and purging, so its
 * sequences have no gaps; one that has was tampered with, which is said, and the exit code is 1.
 */
export const replay: BusCommand<ReplayFlags> = async ({ bus, terminal, flags }) => {
  const { since, forecaster } = flags;
  const from = since === undefined ? {} : { fromTime: parseSince(since, Date.now()) };
  const gaps: [after: number, found: number][] = [];
  let previous: number | undefined;
  let shown = 0;
  const { stop } = terminal;
  for await (const message of bus.read("DECISIONS", from)) {
    const expected = previous === undefined ? (since === undefined ? 1 : message.sequence) : previous + 1;
    if (message.sequence !== expected) gaps.push([expected - 1, message.sequence]);
    previous = message.sequence;
    const line = replayLine(message);
    if (forecaster !== undefined && line.forecaster !== forecaster) continue;
    shown += 1;
    if (flags.json === true) terminal.out(JSON.stringify(line));
    else print(line);
    if (stop.aborted) return 0;
  }
  for (const [after, found] of gaps) terminal.error(`retune: DECISIONS has a gap: ${found} follows ${after}`);
  if (flags.json !== true) {
    const about = forecaster === undefined ? "" : ` of ${forecaster}`;
    terminal.error(
      `${shown} decision events${about}, ${gaps.length === 0 ? "sequences without a gap" : `${gaps.length} gaps`}`,
    );
  }
  return gaps.length === 0 ? 0 : 1;

  function print({ sequence, time, forecaster: about, tone, text }: ReplayLine): void {
    const head = `${String(sequence).padStart(6)}  ${moment(time)}  `;
    const words = wrap(`${about === null ? "" : `${about}: `}${text}`, terminal.columns - head.length);
    terminal.out(head + toned(terminal, tone, words.join(`\n${" ".repeat(head.length)}`)));
  }
};

export function replayLine(message: Message): ReplayLine {
  let payload: unknown;
  try {
    payload = message.json();
  } catch {
    payload = new TextDecoder().decode(message.data);
  }
  const { kind, forecaster, run_id, tone, text } = describeEvent(message.subject, payload);
  const time = (payload as { time?: unknown } | null)?.time;
  const at = typeof time === "string" ? time : message.time.toISOString();
  return {
    sequence: message.sequence,
    time: at,
    subject: message.subject,
    kind,
    forecaster,
    run_id,
    tone,
    text,
  };
}

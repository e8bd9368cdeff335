import type { Bus } from "../../../shared/bus/bus.ts";
import type { StreamState } from "../../../shared/bus/streams.ts";
import { UnavailableError } from "../../../shared/errors.ts";
import { quote, rows } from "../../../shared/history/duckdb.ts";
import type { History } from "../../../shared/history/history.ts";
import type { Alarm } from "./alarms.ts";

const STREAM = "TELEMETRY";
/** Times of one message by different ways differ by the rounding of nanoseconds. */
const ROUNDING_MS = 1;

/** A sequence that was read, and when the server had stored its message; undefined where that is not known. */
export interface Anchor {
  readonly sequence: number;
  readonly arrivedMs: number | undefined;
}

/**
 * Last sequence up to which the stream still holds what was read from it. Less than was read means that the
 * server has lost its newest messages, as after damage to its store or a loss of power, and gives their
 * sequences to other messages: whoever went on from `anchor` would never see those.
 */
export async function intactUpTo(
  bus: Pick<Bus, "messageAt">,
  history: Pick<History, "read">,
  { created, firstSequence, lastSequence }: StreamState,
  anchor: Anchor,
): Promise<number> {
  if (anchor.sequence === 0 || anchor.sequence < firstSequence) return anchor.sequence;
  if (lastSequence >= anchor.sequence) {
    const stored = await bus.messageAt(STREAM, anchor.sequence);
    if (isSame(stored?.time, anchor.arrivedMs)) return anchor.sequence;
  }
  // What was read is in the history with its time of arrival: the first that differs is found by halving.
  let low = firstSequence - 1;
  let high = Math.min(anchor.sequence - 1, lastSequence);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const known = await newestRow(history, created, low + 1, middle);
    if (known === undefined) low = middle;
    else if (isSame((await bus.messageAt(STREAM, known.seq))?.time, known.arrivedMs)) low = middle;
    else high = known.seq - 1;
  }
  return low;
}

/** A message that is gone says nothing: a hole is not a new beginning. */
function isSame(stored: Date | undefined, arrivedMs: number | undefined): boolean {
  if (stored === undefined || arrivedMs === undefined) return true;
  return Math.abs(stored.getTime() - arrivedMs) <= ROUNDING_MS;
}

async function newestRow(history: Pick<History, "read">, stream: string, from: number, to: number) {
  const [row] = await history.read((relation, connection) =>
    rows(
      connection,
      `SELECT seq::DOUBLE AS seq, epoch_ms(arrived)::DOUBLE AS arrived FROM ${relation}
       WHERE stream = ${quote(stream)} AND seq BETWEEN ${from} AND ${to} ORDER BY seq DESC, arrived DESC LIMIT 1`,
    ),
  );
  return row === undefined ? undefined : { seq: row.seq as number, arrivedMs: row.arrived as number };
}

/**
 * What to tell about sequences that reading left out.
 *
 * @throws {UnavailableError} when one of them is in the stream after all: then the reading has to be repeated
 */
export async function gapAlarm(
  bus: Pick<Bus, "messageAt" | "streamState">,
  from: number,
  to: number,
): Promise<Alarm> {
  for (const sequence of [from, to])
    if ((await bus.messageAt(STREAM, sequence)) !== undefined)
      throw new UnavailableError(`${STREAM} was read with a gap, but has sequence ${sequence}`);
  const { firstSequence } = await bus.streamState(STREAM);
  const aged = Math.max(0, Math.min(to, firstSequence - 1) - from + 1);
  const why =
    aged > 0
      ? "they left the stream before they were read"
      : "the stream has a hole: its store is damaged, or they were deleted";
  return {
    rule: "telemetry-lost",
    message: `${to - from + 1} messages of ${STREAM} are lost, sequences ${from} to ${to}: ${why}`,
    figures: { from_sequence: from, to_sequence: to, lost: to - from + 1, aged },
  };
}

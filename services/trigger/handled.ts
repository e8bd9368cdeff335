import { z } from "zod";
import { UnavailableError } from "../../shared/errors.ts";

/**
 * More separate ranges than a consumer has in flight (it may have 2,000 unacknowledged messages), few enough for a
 * state of one message. Only a message that keeps failing while others go on can bring a forecaster here.
 */
const MAX_RANGES = 5_000;

/**
 * The stream sequences of one durable consumer that were handled, as ranges with both ends included, and a floor: no
 * message up to it has to be handled any more.
 *
 * A single "last sequence" would not do: processes share the consumer and failed messages are delivered again, so
 * sequences come out of order, and each must neither be lost nor be handled twice. A count would not do for the floor
 * either: one message may be tried again for minutes while any number of younger ones is handled. So the floor rises
 * only to what the server has proof of, the consumer's ack floor: up to there every message was acknowledged, which
 * happens after it was handled (or buried as a dead letter), and none is delivered for the first time.
 */
export const Handled = z.object({
  floor: z.int().nonnegative(),
  ranges: z.array(z.tuple([z.int(), z.int()])),
});
export type Handled = z.infer<typeof Handled>;

export const nothingHandled: Handled = { floor: 0, ranges: [] };

export function isHandled(handled: Handled, sequence: number): boolean {
  if (sequence <= handled.floor) return true;
  if (sequence > lastHandled(handled)) return false;
  return handled.ranges.some(([from, to]) => from <= sequence && sequence <= to);
}

/**
 * Adds sequences in any order. The floor stays where it is.
 *
 * @throws {UnavailableError} when newer sequences would make more than 5,000 ranges: they have to wait until the older
 *   messages in the gaps are dealt with. Sequences within the gaps are always taken.
 */
export function addHandled(handled: Handled, sequences: readonly number[]): Handled {
  const fresh = sequences.toSorted((a, b) => a - b).map((each): [number, number] => [each, each]);
  // Sequences mostly come in order: then all but the last range stays as it is.
  const isNewer = (fresh[0]?.[0] ?? 0) > lastHandled(handled);
  const settled = isNewer ? handled.ranges.slice(0, -1) : [];
  const moving = isNewer ? handled.ranges.slice(-1) : handled.ranges;
  const ranges = [...settled, ...merged([...moving, ...fresh], handled.floor)];
  const next = { floor: handled.floor, ranges };
  if (ranges.length > MAX_RANGES && lastHandled(next) > lastHandled(handled)) {
    const gap = `${ranges[0]![1] + 1} and ${ranges[1]![0] - 1}`;
    throw new UnavailableError(
      `too many messages were handled ahead of an older one; something between ${gap} keeps failing`,
    );
  }
  return next;
}

function merged(ranges: [number, number][], floor: number): [number, number][] {
  const result: [number, number][] = [];
  for (const [from, to] of ranges.sort(([a], [b]) => a - b)) {
    if (to <= floor) continue;
    const last = result.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

/**
 * Lets the ranges go that end at or before `ackFloor`: the floor rises to the end of the last of them.
 *
 * @param ackFloor sequence up to which every message of the durable consumer was acknowledged; 0 when unknown
 * @returns the same object where no range can go
 */
export function raiseFloor(handled: Handled, ackFloor: number): Handled {
  const proven = handled.ranges.findLast(([, to]) => to <= ackFloor);
  return proven === undefined ? handled : handledUpTo(handled, proven[1]);
}

/** `raiseFloor` for one of the sets of a state; the same state where nothing changes. */
export function raiseFloorOf<K extends string, S extends { readonly [_ in K]: Handled }>(
  state: S,
  key: K,
  ackFloor: number,
): S {
  const raised = raiseFloor(state[key], ackFloor);
  return raised === state[key] ? state : { ...state, [key]: raised };
}

/** For who has read every message up to `sequence` in order: none of them has to be handled any more. */
export function handledUpTo(handled: Handled, sequence: number): Handled {
  return {
    floor: Math.max(handled.floor, sequence),
    ranges: handled.ranges.filter(([, to]) => to > sequence),
  };
}

/** Greatest sequence handled, 0 for none. */
export function lastHandled(handled: Handled): number {
  return handled.ranges.at(-1)?.[1] ?? handled.floor;
}

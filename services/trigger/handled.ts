import { z } from "zod";

/** More separate ranges than a consumer can have in flight out of order; older ones merge into the floor. */
const MAX_RANGES = 256;

/**
 * The stream sequences that were handled, as ranges with both ends included. Everything up to `floor` counts as
 * handled. A single "last sequence" would not do: two processes share a durable consumer, so sequences come out of
 * order, and one that is delivered again must neither be lost nor be handled twice.
 */
export const Handled = z.object({
  floor: z.int().nonnegative(),
  ranges: z.array(z.tuple([z.int(), z.int()])),
});
export type Handled = z.infer<typeof Handled>;

export const nothingHandled: Handled = { floor: 0, ranges: [] };

export function isHandled(handled: Handled, sequence: number): boolean {
  if (sequence <= handled.floor) return true;
  return handled.ranges.some(([from, to]) => from <= sequence && sequence <= to);
}

/**
 * Adds sequences in any order. At most 256 ranges are kept: beyond that the oldest ends in the floor, so a message
 * that comes again after 256 gaps counts as handled.
 */
export function addHandled(handled: Handled, sequences: readonly number[]): Handled {
  const all = [...handled.ranges, ...sequences.map((each): [number, number] => [each, each])];
  all.sort(([a], [b]) => a - b);
  const ranges: [number, number][] = [];
  for (const [from, to] of all) {
    if (to <= handled.floor) continue;
    const last = ranges.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else ranges.push([from, to]);
  }
  const surplus = Math.max(0, ranges.length - MAX_RANGES);
  const floor = surplus > 0 ? ranges[surplus - 1]![1] : handled.floor;
  return { floor, ranges: ranges.slice(surplus) };
}

/** Greatest sequence handled, 0 for none. */
export function lastHandled(handled: Handled): number {
  return handled.ranges.at(-1)?.[1] ?? handled.floor;
}

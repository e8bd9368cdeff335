import { observeValue, type Scored } from "../decide.ts";
import type { Ledger } from "../state.ts";
import { type Counters, countDuplicate, type Segment } from "../storage/segment.ts";
import { ObservationScanner } from "./observation-scanner.ts";
import { type Bound, type Bounds, concerns, FUTURE_LIMIT_MS } from "./validate.ts";

const scanner = new ObservationScanner();

/**
 * Takes in a message of observations whose every record is in the usual form and breaks no rule, without making
 * objects of them. Changes nothing and returns undefined for any other message: the ordinary way says what is
 * wrong with it, if anything is.
 */
export function takeScanned(
  data: Uint8Array,
  series: string,
  seq: number,
  arrivedMs: number,
  segment: Segment,
  ledger: Ledger,
  counters: Counters,
  { bounds, nowMs }: { readonly bounds: Bounds; readonly nowMs: number },
): readonly Scored[] | undefined {
  if (!scanner.scan(data) || !(scanner.latestMs <= nowMs + FUTURE_LIMIT_MS)) return undefined;
  const limits = bounds.get(series);
  if (limits !== undefined && !isWithin(limits)) return undefined;
  const { count, times, entities, firsts, metrics, values } = scanner;
  const isWatched = ledger.watched.has(series);
  const { rows } = segment;
  const into = rows.observationsOf(series);
  const scored: Scored[] = [];
  for (let idx = 0; idx < count; idx++) {
    const at = times[idx]!;
    const entity = entities[idx]! < 0 ? undefined : scanner.nameAt(entities[idx]!);
    const first = firsts[idx]!;
    const end = firsts[idx + 1]!;
    if (isWatched) {
      let isDuplicate = true;
      for (let v = first; v < end; v++) {
        const joined = observeValue(ledger, series, scanner.nameAt(metrics[v]!), entity, at, values[v]!);
        if (joined === undefined) continue;
        isDuplicate = false;
        if (joined.length > 0) scored.push(...joined);
      }
      if (isDuplicate) {
        countDuplicate(counters, segment, series);
        continue;
      }
    }
    const member = rows.code(entity);
    for (let v = first; v < end; v++)
      into.add(seq, idx, arrivedMs, at, member, rows.code(scanner.nameAt(metrics[v]!)), values[v]!);
  }
  return scored;
}

function isWithin(limits: readonly Bound[]): boolean {
  const { count, entities, firsts, metrics, values } = scanner;
  for (const limit of limits) {
    const { metric, min, max } = limit;
    for (let idx = 0; idx < count; idx++) {
      const name = entities[idx]! < 0 ? null : scanner.nameAt(entities[idx]!);
      if (!concerns(limit, name)) continue;
      for (let v = firsts[idx]!; v < firsts[idx + 1]!; v++)
        if (scanner.nameAt(metrics[v]!) === metric && !(values[v]! >= min && values[v]! <= max)) return false;
    }
  }
  return true;
}

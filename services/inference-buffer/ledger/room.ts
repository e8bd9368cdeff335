import type { Ledger, Line, Target } from "../state.ts";

/** How much of each kind the ledger holds in memory at most, over all lines. */
export interface Room {
  readonly points: number;
  readonly scored: number;
  readonly pending: number;
  /** Predictions beyond `pending` that may wait: each forecaster may always have an even share of them. */
  readonly reserved: number;
}

/** About half a gigabyte where all of it is used. */
const ROOM: Room = { points: 2_000_000, scored: 1_000_000, pending: 1_000_000, reserved: 250_000 };

/** What is left of a kind once there was too much of it, so that this is not looked at for each record. */
const KEPT = 0.75;

/** Whether another prediction may wait, whosever it is. */
export function hasRoom({ pending }: Ledger, room: Room = ROOM): boolean {
  return pending < room.pending;
}

/** Whether another prediction of a forecaster may wait: one that has many waiting takes no share from the others. */
export function mayWait(ledger: Ledger, { waiting }: Target, room: Room = ROOM): boolean {
  return hasRoom(ledger, room) || waiting < room.reserved / ledger.targets.size;
}

/**
 * Where there is too much, lets go of what matters least. Of observations: the lines that nothing waits on, in the
 * order they were first seen; then of every line the oldest, which only predictions that come late would be joined to.
 * Of identities that were scored: those of the older half of each line's targets.
 */
export function makeRoom(ledger: Ledger, room: Room = ROOM): void {
  if (ledger.scored > room.scored) forgetScored(ledger);
  if (ledger.points <= room.points) return;
  dropIdle(ledger, 0.9 * room.points);
  if (ledger.points > 0.9 * room.points) shorten(ledger, KEPT * room.points);
}

export function* entitiesOf({ lines }: Ledger): Generator<Map<string, Line>> {
  for (const metrics of lines.values()) yield* metrics.values();
}

function forgetScored(ledger: Ledger): void {
  for (const entities of entitiesOf(ledger)) {
    for (const line of entities.values()) {
      const targets = [...line.scored.keys()].sort((a, b) => a - b);
      const middle = targets[(targets.length - 1) >> 1];
      if (middle === undefined) continue;
      line.forgottenMs = Math.max(line.forgottenMs, middle);
      for (const targetMs of targets) {
        if (targetMs > middle) break;
        ledger.scored -= line.scored.get(targetMs)!.size;
        line.scored.delete(targetMs);
      }
    }
  }
}

function dropIdle(ledger: Ledger, points: number): void {
  for (const entities of entitiesOf(ledger)) {
    for (const [entity, line] of entities) {
      if (ledger.points <= points) return;
      if (line.pending.size > 0) continue;
      for (const { size } of line.scored.values()) ledger.scored -= size;
      ledger.points -= line.times.length;
      entities.delete(entity);
    }
  }
}

/** Every line keeps its newest, none more than an even share. */
function shorten(ledger: Ledger, points: number): void {
  const lines = [...entitiesOf(ledger)].flatMap((entities) => [...entities.values()]);
  const share = Math.max(1, Math.floor(points / lines.length));
  for (const line of lines) {
    const surplus = line.times.length - share;
    if (surplus <= 0) continue;
    line.times.splice(0, surplus);
    line.values.splice(0, surplus);
    ledger.points -= surplus;
  }
}

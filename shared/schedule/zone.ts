const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Since 1973 zones change their offset only where a quarter of an hour begins, by UTC. */
const QUARTER_MS = 15 * MINUTE_MS;
const MAX_OFFSETS = 20_000;

const formats = new Map<string, Intl.DateTimeFormat>();
/** Offsets by zone and quarter of an hour: asking `Intl` is slow. */
const offsets = new Map<string, number>();

/** What the clocks of a zone show. */
export interface LocalTime {
  /** Days since 1970-01-01 of the local date. */
  readonly day: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Minute of the day, 0 to 1439. */
  readonly minute: number;
}

/** @throws {RangeError} when Node knows no such zone */
export function localTime(zone: string, atMs: number): LocalTime {
  const localMs = atMs + offsetMs(zone, atMs);
  const day = Math.floor(localMs / DAY_MS);
  return { day, weekday: weekdayOf(day), minute: Math.floor((localMs - day * DAY_MS) / MINUTE_MS) };
}

/** Weekday of a number of days since 1970-01-01, a Thursday; 0 is Sunday. */
export function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

/**
 * The instants at which the clocks of a zone show a time: one, none where spring skips it, two where autumn repeats
 * it; ascending.
 *
 * @param day days since 1970-01-01
 * @param minute of that day; 1440 is the midnight that ends it
 */
export function instantsOf(zone: string, day: number, minute: number): number[] {
  const localMs = day * DAY_MS + minute * MINUTE_MS;
  const around = new Set([offsetMs(zone, localMs - DAY_MS), offsetMs(zone, localMs + DAY_MS)]);
  return [...around]
    .map((offset) => localMs - offset)
    .filter((instant) => instant + offsetMs(zone, instant) === localMs)
    .sort((a, b) => a - b);
}

/** The first minute in (`fromMs`, `toMs`] at which the zone's offset differs from that at `fromMs`, if it does at `toMs`. */
export function offsetChange(zone: string, fromMs: number, toMs: number): number | undefined {
  const before = offsetMs(zone, fromMs);
  if (offsetMs(zone, toMs) === before) return undefined;
  let low = Math.floor(fromMs / MINUTE_MS);
  let high = Math.ceil(toMs / MINUTE_MS);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(zone, middle * MINUTE_MS) === before) low = middle;
    else high = middle;
  }
  return high * MINUTE_MS;
}

export function isZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** Local time minus UTC. */
function offsetMs(zone: string, atMs: number): number {
  const quarter = Math.floor(atMs / QUARTER_MS);
  const key = `${zone} ${quarter}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  const offset = shownOffsetMs(zone, quarter * QUARTER_MS);
  if (offsets.size >= MAX_OFFSETS) offsets.clear();
  offsets.set(key, offset);
  return offset;
}

function shownOffsetMs(zone: string, atMs: number): number {
  const shown: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(atMs)) shown[type] = Number(value);
  const { year, month, day, hour, minute, second } = shown;
  return Date.UTC(year!, month! - 1, day, hour, minute, second) - atMs;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(zone, made);
  return made;
}

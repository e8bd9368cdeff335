import { VALUE_LIMIT } from "../../../shared/contracts/telemetry.ts";
import { NameTable } from "./name-table.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const TS = 1;
const ENTITY = 2;
const VALUES = 4;

const MOST_NAMES = 100_000;
const MOST_METRICS = 64;
/** A decimal of so many digits, scaled by so many tens, is the nearest double after one division. */
const EXACT_DIGITS = 15;
const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, n) => Number(`1e${n}`));

/**
 * Reads observations straight from a message's bytes into columns, at a fifth of the cost of parsing JSON and
 * checking objects. It takes the usual form alone: fields `ts`, `entity`, `values` in any order and no others,
 * printable ASCII names without escapes, times in UTC. `scan` says false for everything else, valid or not, and
 * the ordinary way decides; what it accepts, the contract accepts, and it means the same (a property test holds
 * both).
 *
 * Numbers are exact: up to 15 digits by one correctly rounded division (Clinger, "How to read floating point
 * numbers accurately", PLDI 1990), others by the runtime's own conversion.
 */
export class ObservationScanner {
  /** Records of the last message. */
  count = 0;
  /** By record: time in milliseconds, place of the entity's name (-1: none), first of its values. */
  times = new Float64Array(64);
  entities = new Int32Array(64);
  firsts = new Int32Array(65);
  /** By value: place of the metric's name, and the value. */
  metrics = new Int32Array(64);
  values = new Float64Array(64);
  latestMs = Number.NEGATIVE_INFINITY;

  private readonly table = new NameTable();
  private valueCount = 0;
  private readonly date = new Uint8Array(10);
  private dateMs = Number.NaN;
  // What the last token amounted to, since a function returns where it ended.
  private time = 0;
  private name = -1;
  private number = 0;

  nameAt(place: number): string {
    return this.table.texts[place]!;
  }

  /** Reads one message: an array of observations or a single one. False: not in the usual form. */
  scan(bytes: Uint8Array): boolean {
    if (this.table.texts.length > MOST_NAMES) this.table.clear();
    this.count = 0;
    this.valueCount = 0;
    this.latestMs = Number.NEGATIVE_INFINITY;
    let at = skipSpace(bytes, 0);
    if (bytes[at] !== OPEN_BRACKET) at = this.readRecord(bytes, at);
    else {
      do {
        at = this.readRecord(bytes, skipSpace(bytes, at + 1));
        if (at < 0) return false;
        at = skipSpace(bytes, at);
      } while (bytes[at] === COMMA);
      if (bytes[at] !== CLOSE_BRACKET) return false;
      at += 1;
    }
    return at === bytes.length || (at >= 0 && skipSpace(bytes, at) === bytes.length);
  }

  /** Each `read…` starts at `at` and returns the place after what it read, or -1. */
  private readRecord(bytes: Uint8Array, start: number): number {
    if (bytes[start] !== OPEN_BRACE) return -1;
    const record = this.count;
    if (record === this.times.length) this.growRecords();
    this.entities[record] = -1;
    this.firsts[record] = this.valueCount;
    let seen = 0;
    let at = start;
    do {
      at = skipSpace(bytes, at + 1);
      const field = fieldAt(bytes, at);
      if (field === 0 || (seen & field) !== 0) return -1;
      seen |= field;
      at = skipSpace(bytes, at + (field === TS ? 4 : 8));
      if (bytes[at] !== COLON) return -1;
      at = skipSpace(bytes, at + 1);
      if (field === TS) {
        at = this.readTime(bytes, at);
        this.times[record] = this.time;
      } else if (field === ENTITY) {
        at = this.readName(bytes, at);
        this.entities[record] = this.name;
      } else at = this.readValues(bytes, at);
      if (at < 0) return -1;
      at = skipSpace(bytes, at);
    } while (bytes[at] === COMMA);
    if (bytes[at] !== CLOSE_BRACE || (seen & (TS | VALUES)) !== (TS | VALUES)) return -1;
    if (this.times[record]! > this.latestMs) this.latestMs = this.times[record]!;
    this.count += 1;
    this.firsts[this.count] = this.valueCount;
    return at + 1;
  }

  private readValues(bytes: Uint8Array, start: number): number {
    if (bytes[start] !== OPEN_BRACE) return -1;
    const first = this.valueCount;
    let at = start;
    do {
      at = this.readName(bytes, skipSpace(bytes, at + 1));
      if (at < 0) return -1;
      const metric = this.name;
      // In an object this is no name of a metric.
      if (this.table.texts[metric] === "__proto__") return -1;
      // Of a metric named twice JSON takes the last.
      for (let i = first; i < this.valueCount; i++) if (this.metrics[i] === metric) return -1;
      at = skipSpace(bytes, at);
      if (bytes[at] !== COLON) return -1;
      at = this.readNumber(bytes, skipSpace(bytes, at + 1));
      if (at < 0 || this.valueCount - first === MOST_METRICS) return -1;
      if (this.valueCount === this.values.length) this.growValues();
      this.metrics[this.valueCount] = metric;
      this.values[this.valueCount] = this.number;
      this.valueCount += 1;
      at = skipSpace(bytes, at);
    } while (bytes[at] === COMMA);
    return bytes[at] === CLOSE_BRACE ? at + 1 : -1;
  }

  private readName(bytes: Uint8Array, start: number): number {
    if (bytes[start] !== QUOTE) return -1;
    let at = start + 1;
    let hash = 0x811c9dc5 | 0;
    for (let c = bytes[at]!; c !== QUOTE; c = bytes[++at]!) {
      if (!(c >= 0x20 && c <= 0x7e) || c === BACKSLASH) return -1;
      hash = Math.imul(hash ^ c, 0x01000193);
    }
    const length = at - start - 1;
    if (length === 0 || length > 200) return -1;
    this.name = this.table.placeOf(bytes, start + 1, at, hash ^ (hash >>> 15));
    return at + 1;
  }

  /** `"YYYY-MM-DDTHH:MM:SS[.f]Z"` with one to six digits of fraction, of which three count. */
  private readTime(bytes: Uint8Array, start: number): number {
    if (start + 22 > bytes.length || bytes[start] !== QUOTE) return -1;
    const dateMs = this.dateAt(bytes, start + 1);
    const hours = twoDigits(bytes, start + 12);
    const minutes = twoDigits(bytes, start + 15);
    const seconds = twoDigits(bytes, start + 18);
    const isTime =
      !Number.isNaN(dateMs) &&
      bytes[start + 11] === 0x54 &&
      hours >= 0 &&
      hours < 24 &&
      bytes[start + 14] === COLON &&
      minutes >= 0 &&
      minutes < 60 &&
      bytes[start + 17] === COLON &&
      seconds >= 0 &&
      seconds < 60;
    if (!isTime) return -1;
    let at = start + 20;
    let fraction = 0;
    if (bytes[at] === DOT) {
      let unit = 100;
      const first = at + 1;
      for (at = first; isDigit(bytes[at]!); at++) {
        fraction += (bytes[at]! - ZERO) * unit;
        unit = unit === 100 ? 10 : unit === 10 ? 1 : 0;
      }
      if (at === first || at - first > 6) return -1;
    }
    if (bytes[at] !== 0x5a || bytes[at + 1] !== QUOTE) return -1;
    this.time = dateMs + ((hours * 60 + minutes) * 60 + seconds) * 1_000 + fraction;
    return at + 2;
  }

  /** Milliseconds at the date's midnight, NaN for no date. Neighbours share it, so the last is kept. */
  private dateAt(bytes: Uint8Array, start: number): number {
    let same = 0;
    while (same < 10 && this.date[same] === bytes[start + same]) same++;
    if (same === 10) return this.dateMs;
    const [century, rest, month, day] = [0, 2, 5, 8].map((i) => twoDigits(bytes, start + i));
    const dashes = bytes[start + 4] === MINUS && bytes[start + 7] === MINUS;
    if (!dashes || !(century! >= 10 && rest! >= 0 && month! >= 1 && day! >= 1)) return Number.NaN;
    const at = Date.UTC(century! * 100 + rest!, month! - 1, day);
    const found = new Date(at);
    if (found.getUTCMonth() !== month! - 1 || found.getUTCDate() !== day) return Number.NaN;
    this.date.set(bytes.subarray(start, start + 10));
    this.dateMs = at;
    return at;
  }

  private readNumber(bytes: Uint8Array, start: number): number {
    const isNegative = bytes[start] === MINUS;
    let at = isNegative ? start + 1 : start;
    let c = bytes[at]!;
    if (!isDigit(c)) return -1;
    let mantissa = c - ZERO;
    let digits = 1;
    for (c = bytes[++at]!; isDigit(c); c = bytes[++at]!) {
      if (digits === 1 && mantissa === 0) return -1; // a leading zero is no JSON
      mantissa = mantissa * 10 + (c - ZERO);
      digits += 1;
    }
    let scale = 0;
    if (c === DOT) {
      for (c = bytes[++at]!; isDigit(c); c = bytes[++at]!) {
        mantissa = mantissa * 10 + (c - ZERO);
        if (mantissa !== 0) digits += 1;
        scale += 1;
      }
      if (scale === 0) return -1;
    }
    const isPlain = c !== 0x65 && c !== 0x45;
    if (!isPlain) at = endOfExponent(bytes, at);
    if (at < 0) return -1;
    if (isPlain && digits <= EXACT_DIGITS && scale < POWERS_OF_TEN.length) {
      const size = mantissa / POWERS_OF_TEN[scale]!;
      this.number = isNegative ? -size : size;
    } else this.number = Number(asciiText(bytes, start, at));
    return Math.abs(this.number) <= VALUE_LIMIT ? at : -1;
  }

  private growRecords(): void {
    const capacity = 2 * this.times.length;
    this.times = grown(this.times, new Float64Array(capacity));
    this.entities = grown(this.entities, new Int32Array(capacity));
    this.firsts = grown(this.firsts, new Int32Array(capacity + 1));
  }

  private growValues(): void {
    const capacity = 2 * this.values.length;
    this.metrics = grown(this.metrics, new Int32Array(capacity));
    this.values = grown(this.values, new Float64Array(capacity));
  }
}

function skipSpace(bytes: Uint8Array, start: number): number {
  if (bytes[start]! > 0x20) return start; // nearly always
  let at = start;
  while (at < bytes.length && isSpace(bytes[at]!)) at += 1;
  return at;
}

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
}

/** Which field is named at `at`, in quotes; 0 for another one. Written out, as it runs three times a record. */
function fieldAt(bytes: Uint8Array, at: number): number {
  if (at + 8 > bytes.length || bytes[at] !== QUOTE) return 0;
  const c = bytes[at + 1];
  if (c === 0x74) return bytes[at + 2] === 0x73 && bytes[at + 3] === QUOTE ? TS : 0;
  if (bytes[at + 7] !== QUOTE) return 0;
  const d = bytes[at + 2];
  const e = bytes[at + 3];
  const f = bytes[at + 4];
  const g = bytes[at + 5];
  const h = bytes[at + 6];
  if (c === 0x65) return d === 0x6e && e === 0x74 && f === 0x69 && g === 0x74 && h === 0x79 ? ENTITY : 0;
  return c === 0x76 && d === 0x61 && e === 0x6c && f === 0x75 && g === 0x65 && h === 0x73 ? VALUES : 0;
}

function isDigit(c: number): boolean {
  return c >= ZERO && c <= 0x39;
}

/** -1 where there are no two digits. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]!;
  const ones = bytes[at + 1]!;
  return isDigit(tens) && isDigit(ones) ? (tens - ZERO) * 10 + (ones - ZERO) : -1;
}

/** From the `e` on; -1 where no digit follows. */
function endOfExponent(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  if (bytes[at] === MINUS || bytes[at] === 0x2b) at += 1;
  const first = at;
  while (isDigit(bytes[at]!)) at += 1;
  return at === first ? -1 : at;
}

function asciiText(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}

function grown<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

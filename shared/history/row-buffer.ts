import { TELEMETRY_KINDS, type TelemetryKind } from "../contracts/subjects.ts";
import { COMMON, type Column, KIND_COLUMNS } from "./schema.ts";
import { timeMs } from "./time.ts";

/** Where a record came from: its message's sequence and arrival, and its place in the message. */
export interface Origin {
  readonly seq: number;
  readonly idx: number;
  readonly arrivedMs: number;
}

/** Rows of one kind by column: numbers as they are (NaN is null), texts as places in the dictionary (0 is null). */
export interface KindRows {
  readonly kind: TelemetryKind;
  readonly columns: readonly Column[];
  readonly data: readonly Float64Array[];
  readonly count: number;
}

const OBSERVATION_FIELDS: ReadonlySet<string> = new Set(["ts", "entity", "values"]);

type Fields = Readonly<Record<string, unknown>>;

/**
 * Records on their way into one Parquet file, as typed columns. Texts are kept once, in one dictionary for
 * all columns, because names of series, entities and versions repeat in nearly every row.
 */
export class RowBuffer {
  private readonly texts = new Map<string, number>();
  private readonly kinds = new Map<TelemetryKind, Columns>();

  /** Rows so far. */
  get rows(): number {
    let count = 0;
    for (const columns of this.kinds.values()) count += columns.count;
    return count;
  }

  /** Distinct texts; the n-th (from 1) is what code n stands for. */
  get dictionary(): string[] {
    return [...this.texts.keys()];
  }

  /** Adds a record that its contract has accepted; an observation becomes a row for each metric. */
  add(kind: TelemetryKind, id: string, origin: Origin, record: object): void {
    const fields = record as Fields;
    const columns = this.columnsOf(kind);
    const extra = this.code(extraOf(fields, columns.known));
    const code = this.code(id);
    const { seq, idx, arrivedMs } = origin;
    const first = COMMON.length;
    if (kind === "observation") {
      const ts = timeMs(fields.ts as string);
      const entity = this.code(fields.entity as string | undefined);
      const values = fields.values as Record<string, number>;
      for (const metric in values) {
        const row = columns.next(seq, idx, arrivedMs, code, extra);
        const { data } = columns;
        data[first]![row] = ts;
        data[first + 1]![row] = entity;
        data[first + 2]![row] = this.code(metric);
        data[first + 3]![row] = values[metric]!;
      }
      return;
    }
    const row = columns.next(seq, idx, arrivedMs, code, extra);
    const { data, own } = columns;
    for (let c = 0; c < own.length; c++) {
      const { type, name, field = name } = own[c]!;
      data[first + c]![row] = this.cell(type, fields[field]);
    }
  }

  /**
   * For observations of one series without further fields, in numbers: rows from values and codes, without an
   * object for any of them.
   */
  observationsOf(series: string): ObservationRows {
    return new ObservationRows(this.columnsOf("observation"), this.code(series));
  }

  /** The code that stands for a text in this buffer; 0 for none. */
  code(text: string | null | undefined): number {
    if (text === undefined || text === null) return 0;
    let code = this.texts.get(text);
    if (code === undefined) {
      code = this.texts.size + 1;
      this.texts.set(text, code);
    }
    return code;
  }

  parts(): KindRows[] {
    return TELEMETRY_KINDS.flatMap((kind) => {
      const columns = this.kinds.get(kind);
      return columns === undefined ? [] : [columns.sealed(kind)];
    });
  }

  private columnsOf(kind: TelemetryKind): Columns {
    let columns = this.kinds.get(kind);
    if (columns === undefined) {
      columns = new Columns(kind);
      this.kinds.set(kind, columns);
    }
    return columns;
  }

  private cell(type: Column["type"], value: unknown): number {
    switch (type) {
      case "text":
        return this.code(value as string | null | undefined);
      case "json":
        return this.code(value === undefined || value === null ? undefined : JSON.stringify(value));
      case "time":
        return typeof value === "string" ? timeMs(value) : Number.NaN;
      case "flag":
        return value === undefined ? Number.NaN : Number(value);
      default:
        return typeof value === "number" ? value : Number.NaN;
    }
  }
}

/** Rows of one series on their way into a buffer. */
export class ObservationRows {
  private readonly columns: Columns;
  private readonly id: number;

  constructor(columns: Columns, id: number) {
    this.columns = columns;
    this.id = id;
  }

  /** @param entity and `metric`: codes of the buffer */
  add(
    seq: number,
    idx: number,
    arrivedMs: number,
    tsMs: number,
    entity: number,
    metric: number,
    value: number,
  ): void {
    const { columns } = this;
    const row = columns.next(seq, idx, arrivedMs, this.id, 0);
    const { data } = columns;
    const first = COMMON.length;
    data[first]![row] = tsMs;
    data[first + 1]![row] = entity;
    data[first + 2]![row] = metric;
    data[first + 3]![row] = value;
  }
}

class Columns {
  readonly own: readonly Column[];
  readonly known: ReadonlySet<string>;
  data: Float64Array[];
  count = 0;
  private capacity = 256;

  constructor(kind: TelemetryKind) {
    this.own = KIND_COLUMNS[kind];
    this.known =
      kind === "observation" ? OBSERVATION_FIELDS : new Set(this.own.map(({ name, field = name }) => field));
    this.data = Array.from(
      { length: COMMON.length + this.own.length },
      () => new Float64Array(this.capacity),
    );
  }

  /** Begins a row with what every kind has; `id` and `extra` are codes. */
  next(seq: number, idx: number, arrivedMs: number, id: number, extra: number): number {
    if (this.count === this.capacity) {
      this.capacity *= 4;
      this.data = this.data.map((old) => {
        const grown = new Float64Array(this.capacity);
        grown.set(old);
        return grown;
      });
    }
    const row = this.count++;
    const { data } = this;
    data[0]![row] = seq;
    data[1]![row] = idx;
    data[2]![row] = arrivedMs;
    data[3]![row] = id;
    data[4]![row] = extra;
    return row;
  }

  sealed(kind: TelemetryKind): KindRows {
    return { kind, columns: [...COMMON, ...this.own], data: this.data, count: this.count };
  }
}

/** Fields that have no column, as JSON, so that nothing a publisher says is lost. */
function extraOf(fields: Fields, known: ReadonlySet<string>): string | undefined {
  let extra: Record<string, unknown> | undefined;
  for (const name in fields) {
    if (known.has(name)) continue;
    extra ??= {};
    extra[name] = fields[name];
  }
  return extra === undefined ? undefined : JSON.stringify(extra);
}

/** Rows of the prior that a category's own rows are weighed against. */
const SMOOTHING = 20;
/** Share of each category's rows that statistics are taken from. */
const STATISTIC_SHARE = 0.2;

/** Turns the text of a column into numbers. Its vocabulary is frozen: what it has not seen is the prior. (C-TRN-1) */
export interface TargetEncoder {
  /** of the column */
  readonly name: string;
  /** in order of their ids: the ones of earlier versions first */
  readonly vocabulary: readonly string[];
  /** [vocabulary]: smoothed mean target of each */
  readonly values: Float32Array;
  /** what an unknown category becomes */
  readonly prior: number;
}

/**
 * The rows that statistics are taken from: of each category the oldest fifth, ties in time included. Models are fitted
 * to the others, so no row's encoding knows its own target, or one as late as that.
 *
 * @param categories [rows]
 * @param times      [rows]: when each row's target is known
 * @returns [rows]: 1 for statistics, 0 for the fit
 */
export function statisticRows(categories: readonly string[], times: ArrayLike<number>): Uint8Array {
  const latest = new Map<string, number>();
  for (const [category, rows] of rowsByCategory(categories)) {
    const sorted = Float64Array.from(rows, (row) => times[row]!).sort();
    latest.set(category, sorted[Math.ceil(STATISTIC_SHARE * sorted.length) - 1]!);
  }
  return Uint8Array.from(categories, (category, row) => (times[row]! <= latest.get(category)! ? 1 : 0));
}

/**
 * An encoder from some rows' targets:
 *
 *     value = (Σ y + 20 · prior) / (n + 20)        prior = mean of all targets
 *
 * Categories a parent knows keep their place and value, so that trees grown on them stay valid; new ones are appended
 * in order of their names.
 *
 * @param rows those that may be looked at: see `statisticRows`
 *
 * Source: Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes" (2001).
 */
export function fitTargetEncoder(
  name: string,
  categories: readonly string[],
  targets: ArrayLike<number>,
  rows: Uint8Array,
  parent: TargetEncoder | null = null,
): TargetEncoder {
  const prior = parent?.prior ?? Math.fround(meanOf(targets, indexesOf(rows)));
  const known = new Set(parent?.vocabulary);
  const groups = rowsByCategory(categories);
  const added = [...groups.keys()].filter((category) => !known.has(category)).sort();
  const statisticOf = (category: string) => {
    const own = groups.get(category)!.filter((row) => rows[row] === 1);
    const sum = own.reduce((total, row) => total + targets[row]!, 0);
    return (sum + SMOOTHING * prior) / (own.length + SMOOTHING);
  };
  return {
    name,
    vocabulary: [...(parent?.vocabulary ?? []), ...added],
    values: Float32Array.from([...(parent?.values ?? []), ...added.map(statisticOf)]),
    prior,
  };
}

/** The column of numbers. */
export function encode(
  { vocabulary, values, prior }: TargetEncoder,
  categories: readonly string[],
): Float32Array {
  const ids = new Map(vocabulary.map((category, id) => [category, id]));
  return Float32Array.from(categories, (category) => {
    const id = ids.get(category);
    return id === undefined ? prior : values[id]!;
  });
}

function rowsByCategory(categories: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  categories.forEach((category, row) => {
    const group = groups.get(category);
    if (group === undefined) groups.set(category, [row]);
    else group.push(row);
  });
  return groups;
}

function indexesOf(flags: Uint8Array): number[] {
  return Array.from(flags.keys()).filter((row) => flags[row] === 1);
}

function meanOf(values: ArrayLike<number>, rows: readonly number[]): number {
  return rows.length === 0 ? 0 : rows.reduce((sum, row) => sum + values[row]!, 0) / rows.length;
}

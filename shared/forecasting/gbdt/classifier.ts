import { InvalidInputError } from "../../errors.ts";
import { type Suspect, suspectFeatures } from "../tabular/leakage.ts";
import { pickRows, type Table } from "../tabular/table.ts";
import { encode, fitTargetEncoder, statisticRows, type TargetEncoder } from "../tabular/target-encoder.ts";
import { BOOSTING_DEFAULTS, type BoostingParams, boost } from "./boost.ts";
import { predict } from "./booster.ts";
import type { TreeModel } from "./model-files.ts";

/** Features by row: numbers, and text where there are categories. */
export interface FeatureRows {
  readonly table: Table;
  /** text columns by name, [rows] each; "" for missing */
  readonly categories?: Readonly<Record<string, readonly string[]>>;
}

export interface LabelledRows extends FeatureRows {
  /** [rows]: 0 or 1 */
  readonly labels: ArrayLike<number>;
  /** [rows]: when each label is known, ms since the epoch; rows may come in any order */
  readonly times: ArrayLike<number>;
  /** Labels known from this time on are held out: they end boosting and give the metrics. Absent: the last seventh. */
  readonly validationFromMs?: number;
}

/** Features → probability of label 1. Packed by `modelFiles`, served by `openModel`. */
export type Classifier = TreeModel;

export interface TrainedClassifier extends Classifier {
  readonly rounds: { readonly total: number; readonly added: number };
  /** rows that the trees were fitted to */
  readonly rows: number;
  /** on the rows held out; null where there are none, or an AUC of one class */
  readonly metrics: ClassifierMetrics | null;
  /** features that tell the label by themselves, which an honest feature does not: worth a warning or a refusal */
  readonly suspects: readonly Suspect[];
}

export interface ClassifierMetrics {
  readonly rows: number;
  /** mean −log p of what came */
  readonly logLoss: number;
  /** share of rows on the right side of one half */
  readonly accuracy: number;
  /** share of rows above one half whose label is 1; null where none is above */
  readonly precision: number | null;
  /** probability that a row of label 1 gets more than one of label 0; null where only one class came */
  readonly auc: number | null;
}

/** Of a training window of fourteen days the last two. */
const VALIDATION_SHARE = 1 / 7;

/**
 * Fits trees to the log loss on the older rows, stopped in time by the newer ones. (B-TRN-2)
 *
 * @param parent goes on from it, its vocabulary first
 * @throws {InvalidInputError} for labels that are not 0 and 1 or all of one class, unequal numbers of rows, no rows
 *   before `validationFromMs`
 * @throws {ModelMismatchError} for a parent with other columns
 */
export function trainClassifier(
  given: LabelledRows,
  params: BoostingParams = BOOSTING_DEFAULTS,
  parent: Classifier | null = null,
): TrainedClassifier {
  checkRows(given);
  const { order, fitRows } = byTime(given);
  const labels = Float64Array.from(order, (row) => given.labels[row]!);
  const times = Float64Array.from(order, (row) => given.times[row]!);
  const numeric = pickRows(given.table, order);
  const text = Object.entries(given.categories ?? {}).map(
    ([name, column]) => [name, Array.from(order, (row) => column[row]!)] as const,
  );
  const encoders: TargetEncoder[] = [];
  const spent = new Uint8Array(order.length);
  for (const [name, column] of text) {
    const known = parent?.encoders.find((each) => each.name === name) ?? null;
    const statistic = statisticRows(column.slice(0, fitRows), times);
    encoders.push(fitTargetEncoder(name, column.slice(0, fitRows), labels, statistic, known));
    statistic.forEach((flag, row) => {
      if (flag === 1 && !known?.vocabulary.includes(column[row]!)) spent[row] = 1;
    });
  }
  const whole = withEncoded(numeric, encoders, Object.fromEntries(text));
  const kept = Int32Array.from(spent.keys()).filter((row) => spent[row] === 0);
  const table = pickRows(whole, kept);
  const keptLabels = Float64Array.from(kept, (row) => labels[row]!);
  const keptFit = kept.filter((row) => row < fitRows).length;
  const { booster, rounds } = boost(
    { table, labels: keptLabels, fitRows: keptFit },
    { kind: "logistic" },
    params,
    parent?.booster,
  );
  const suspects = suspectFeatures(numeric, labels);
  const probabilities = predict(booster, table).subarray(keptFit);
  const metrics = measure(probabilities, keptLabels.subarray(keptFit));
  return { booster, encoders, rounds, rows: keptFit, metrics, suspects };
}

/** Probability of label 1 for each row, as the ONNX graph gives it. */
export function probabilitiesOf({ booster, encoders }: Classifier, rows: FeatureRows): Float32Array {
  return predict(booster, withEncoded(rows.table, encoders, rows.categories ?? {}));
}

/** The numeric columns, then one for each encoder. @throws {InvalidInputError} for a text column that is not there */
function withEncoded(
  { names, columns, rows }: Table,
  encoders: readonly TargetEncoder[],
  categories: Readonly<Record<string, readonly string[]>>,
): Table {
  const encoded = encoders.map((encoder) => {
    const column = categories[encoder.name];
    if (column?.length === rows) return encode(encoder, column);
    throw new InvalidInputError(
      `text column '${encoder.name}' has ${column?.length ?? "no"} rows, expected ${rows}`,
    );
  });
  return { names: [...names, ...encoders.map(({ name }) => name)], columns: [...columns, ...encoded], rows };
}

function checkRows({ table, categories = {}, labels, times }: LabelledRows): void {
  for (const [what, column] of Object.entries({ labels, times, ...categories }))
    if (column.length !== table.rows)
      throw new InvalidInputError(`classifier: '${what}' has ${column.length} rows, expected ${table.rows}`);
  if (table.rows === 0)
    throw new InvalidInputError("classifier: there are no rows, expected some of each class");
}

/** Rows from the oldest to the newest label, and how many of them are fitted. */
function byTime({ times, validationFromMs }: LabelledRows): { order: Int32Array; fitRows: number } {
  const order = Int32Array.from({ length: times.length }, (_, row) => row);
  order.sort((a, b) => times[a]! - times[b]! || a - b);
  const from = validationFromMs ?? times[order[Math.floor((1 - VALIDATION_SHARE) * order.length)]!]!;
  const fitRows = order.filter((row) => times[row]! < from).length;
  return { order, fitRows };
}

function measure(probabilities: Float32Array, labels: Float64Array): ClassifierMetrics | null {
  const rows = labels.length;
  if (rows === 0) return null;
  let [loss, right, above, hits] = [0, 0, 0, 0];
  for (let row = 0; row < rows; row += 1) {
    const [p, one] = [probabilities[row]!, labels[row] === 1];
    loss -= Math.log(Math.max(one ? p : 1 - p, Number.EPSILON));
    if (p > 0.5 === one) right += 1;
    if (p > 0.5) above += 1;
    if (p > 0.5 && one) hits += 1;
  }
  const precision = above > 0 ? hits / above : null;
  return {
    rows,
    logLoss: loss / rows,
    accuracy: right / rows,
    precision,
    auc: areaUnderCurve(probabilities, labels),
  };
}

/** Mann–Whitney: ties count half. */
function areaUnderCurve(probabilities: Float32Array, labels: Float64Array): number | null {
  const order = Array.from(labels.keys()).sort((a, b) => probabilities[a]! - probabilities[b]!);
  let [zeros, pairs, ones] = [0, 0, 0];
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && probabilities[order[to]!] === probabilities[order[from]!]) to += 1;
    const tied = order.slice(from, to).filter((row) => labels[row] === 1).length;
    pairs += tied * (zeros + (to - from - tied) / 2);
    zeros += to - from - tied;
    ones += tied;
    from = to;
  }
  return ones === 0 || zeros === 0 ? null : pairs / (ones * zeros);
}

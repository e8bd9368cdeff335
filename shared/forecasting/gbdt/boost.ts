import { InvalidInputError } from "../../errors.ts";
import { ModelMismatchError } from "../manifest.ts";
import type { Table } from "../tabular/table.ts";
import { binRows } from "./binned-rows.ts";
import { binEdges, MAX_BINS } from "./bins.ts";
import { type Booster, rawScores } from "./booster.ts";
import { baseScores, meanLoss, type Objective, outputsOf } from "./objective.ts";
import { RoundGrower } from "./round.ts";
import { leafCount, type Tree } from "./tree.ts";

export interface BoostingParams {
  /** share of each tree's leaf values that is added */
  readonly learningRate: number;
  /** at most, of one tree */
  readonly leaves: number;
  /** trees to add, at most */
  readonly rounds: number;
  /** rows that a leaf must hold */
  readonly minLeaf: number;
  /** λ: shrinks leaves with few rows; quantile leaves are not shrunk */
  readonly l2: number;
  /** share of the features that each tree may split on, in (0, 1] */
  readonly featureShare: number;
  /** share of the rows that each tree is grown on, in (0, 1] */
  readonly rowShare: number;
  /** bins of values for each feature, 2 … 255 */
  readonly maxBins: number;
  /** rounds without a lower validation loss after which boosting stops */
  readonly patience: number;
  readonly seed: number;
}

export const BOOSTING_DEFAULTS: BoostingParams = {
  learningRate: 0.1,
  leaves: 31,
  rounds: 100,
  minLeaf: 20,
  l2: 1,
  featureShare: 1,
  rowShare: 1,
  maxBins: MAX_BINS,
  patience: 20,
  seed: 0,
};

export interface BoostingData {
  /** in order of time */
  readonly table: Table;
  /** [rows] */
  readonly labels: Float64Array;
  /** Trees are fitted to the rows before this one; those from it on stop them in time. Absent: all are fitted to. */
  readonly fitRows?: number;
}

export interface Boosted {
  readonly booster: Booster;
  readonly rounds: { readonly total: number; readonly added: number };
  /** mean loss of the validation rows: before the first new tree, then after each round; empty without such rows */
  readonly validationLosses: readonly number[];
}

/**
 * Fits gradient-boosted trees. Same input, same trees.
 *
 * With validation rows the model is cut back to the round with the lowest loss on them, which may be no round at all.
 * Boosting also ends where no tree finds a split.
 *
 * @param parent goes on from it: its scores are where the first new tree starts, its bin edges are kept
 * @throws {InvalidInputError} for labels that are not finite, no labels of one of two classes, too few rows, or
 *   parameters out of range, named with their value
 * @throws {ModelMismatchError} for a parent with other features or another objective
 *
 * Sources: Friedman, "Greedy function approximation" (2001), algorithms 1, 3 and 5; Ke et al., "LightGBM" (2017).
 */
export function boost(
  data: BoostingData,
  objective: Objective,
  params: BoostingParams = BOOSTING_DEFAULTS,
  parent: Booster | null = null,
): Boosted {
  const { table, labels, fitRows = table.rows } = data;
  checkParams(params);
  checkLabels(table, labels, objective, fitRows);
  if (parent !== null) checkParent(parent, table, objective);
  const fitted = labels.subarray(0, fitRows);
  const edges =
    parent?.edges ?? table.columns.map((column) => binEdges(column.subarray(0, fitRows), params.maxBins));
  const base = parent?.base ?? baseScores(objective, fitted);
  const trees: Tree[] = [...(parent?.trees ?? [])];
  const scores = rawScores({ objective, base, trees }, table);
  const grower = new RoundGrower(binRows(table, edges, fitRows), table, fitted, objective, params);

  const validates = fitRows < table.rows;
  const loss = () => meanLoss(objective, labels, scores, fitRows, table.rows);
  const validationLosses = validates ? [loss()] : [];
  let best = { loss: validationLosses[0]!, trees: trees.length };
  let idle = 0;
  for (let round = 0; round < params.rounds && idle < outputsOf(objective); round += 1) {
    const tree = grower.next(trees.length, scores);
    trees.push(tree);
    // One level's gradients may find no split where another's do.
    idle = leafCount(tree) === 1 ? idle + 1 : 0;
    if (!validates) continue;
    validationLosses.push(loss());
    if (validationLosses.at(-1)! < best.loss) best = { loss: validationLosses.at(-1)!, trees: trees.length };
    else if (trees.length - best.trees >= params.patience) break;
  }
  const total = validates ? best.trees : trees.length - idle;
  return {
    booster: { objective, features: table.names, edges, base, trees: trees.slice(0, total) },
    rounds: { total, added: total - (parent?.trees.length ?? 0) },
    validationLosses,
  };
}

const RANGES: Readonly<Record<keyof Omit<BoostingParams, "seed">, readonly [min: number, max: number]>> = {
  learningRate: [Number.MIN_VALUE, 1],
  leaves: [2, 65_536],
  rounds: [0, 100_000],
  minLeaf: [1, 2 ** 31],
  l2: [0, Number.MAX_VALUE],
  featureShare: [Number.MIN_VALUE, 1],
  rowShare: [Number.MIN_VALUE, 1],
  maxBins: [2, MAX_BINS],
  patience: [1, 100_000],
};
const INTEGERS: readonly string[] = ["leaves", "rounds", "minLeaf", "maxBins", "patience"];

function checkParams(params: BoostingParams): void {
  for (const [name, [min, max]] of Object.entries(RANGES)) {
    const value = params[name as keyof BoostingParams];
    const integer = INTEGERS.includes(name);
    if (value >= min && value <= max && (!integer || Number.isInteger(value))) continue;
    const limits = min === Number.MIN_VALUE ? `above 0, at most ${max}` : `in ${min} … ${max}`;
    throw new InvalidInputError(
      `gbdt: ${name} is ${value}, expected ${integer ? "an integer" : "a number"} ${limits}`,
    );
  }
}

function checkLabels({ rows }: Table, labels: Float64Array, objective: Objective, fitRows: number): void {
  if (labels.length !== rows)
    throw new InvalidInputError(
      `gbdt: there are ${labels.length} labels, expected one for each of ${rows} rows`,
    );
  if (!(fitRows >= 1 && fitRows <= rows))
    throw new InvalidInputError(`gbdt: ${fitRows} of ${rows} rows are to be fitted, expected at least 1`);
  const odd = labels.findIndex((label) => !Number.isFinite(label));
  if (odd >= 0) throw new InvalidInputError(`gbdt: label of row ${odd} is ${labels[odd]}, expected a number`);
  if (objective.kind === "logistic") checkClasses(labels, fitRows);
}

function checkClasses(labels: Float64Array, fitRows: number): void {
  const odd = labels.findIndex((label) => label !== 0 && label !== 1);
  if (odd >= 0) throw new InvalidInputError(`gbdt: label of row ${odd} is ${labels[odd]}, expected 0 or 1`);
  const ones = labels.subarray(0, fitRows).reduce((sum, label) => sum + label, 0);
  if (ones === 0 || ones === fitRows)
    throw new InvalidInputError(
      `gbdt: all ${fitRows} labels to be fitted are ${labels[0]}, expected some 0 and some 1`,
    );
}

function checkParent(
  { features, objective: parents }: Booster,
  { names }: Table,
  objective: Objective,
): void {
  const [has, wants] = [features, names].map((each) => JSON.stringify(each));
  if (has !== wants)
    throw new ModelMismatchError(`gbdt: the parent has features ${has}, expected ${wants} to go on from it`);
  const [was, is] = [parents, objective].map((each) => JSON.stringify(each));
  if (was !== is)
    throw new ModelMismatchError(`gbdt: the parent's objective is ${was}, expected ${is} to go on from it`);
}

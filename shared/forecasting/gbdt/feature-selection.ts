import { createHash } from "node:crypto";
import { InvalidInputError } from "../../errors.ts";
import { eliminateFeatures } from "../../search/features/eliminate.ts";
import { type Fold, timeOrderedFolds } from "../../search/features/folds.ts";
import { screenConstants } from "../../search/features/screen.ts";
import { STREAMS } from "../../search/streams.ts";
import { ByteLru } from "../byte-lru.ts";
import type { StepGrid } from "../quantile-forecast.ts";
import { randomKey, uniformAt } from "../random.ts";
import { timesAfter } from "../tabular/calendar.ts";
import { STEP_AHEAD } from "../tabular/series-features.ts";
import { pickColumns, pickRows, type Table } from "../tabular/table.ts";
import { BOOSTING_DEFAULTS, type BoostingParams, boost } from "./boost.ts";
import { type Booster, rawScores } from "./booster.ts";
import { type EncodedRows, pick } from "./encoded-rows.ts";
import { ENTITY } from "./forecaster.ts";
import { meanLoss, type Objective } from "./objective.ts";
import { isProven } from "./proof.ts";
import { LEAF } from "./tree.ts";

/** Rows that features are judged on, about: the choice costs the same however long the series are. */
const MAX_ROWS = 4000;
/** The rows' time is cut into nine parts; the latest five are predicted, from no less than the four before. */
const FOLDS = 8;
const LEFT_OUT = 3;
/** Rows that the first fold must have to fit to; with fewer the choice would be chance. */
const MIN_FIT_ROWS = 200;
/** Few levels, but on both sides: what tells only how wide a law is must survive. */
const OBJECTIVE = { kind: "quantile", levels: [0.1, 0.5, 0.9] } as const satisfies Objective;
const LEVELS = OBJECTIVE.levels.length;

/** Standard errors that a smaller set may lie above the best one: none would keep noise, a whole one sheds too much. */
const TOLERANCE = 0.5;

/** Shallow and few, whatever is searched: features are chosen before the trees' parameters, and not by them. */
const SELECTING: BoostingParams = {
  ...BOOSTING_DEFAULTS,
  learningRate: 0.1,
  leaves: 8,
  rounds: 60,
  minLeaf: 40,
  maxBins: 64,
  patience: 15,
};
/** Share of a fold's rows that trees are fitted to; the rest stop them, or many features would lose by overfitting. */
const FIT_SHARE = 0.8;

export type SelectionRows = Pick<EncodedRows, "table" | "labels" | "cutoffTimes">;

export interface SelectionSetting {
  readonly grid: StepGrid;
  /** steps: a row counts as known so many after its cutoff, whichever of them it foretells */
  readonly horizon: number;
  readonly seed: number;
}

/** Of the whole process, since a search trains on the same rows once for every trial; a choice takes some hundred bytes. */
const chosen = new ByteLru<readonly string[] | null>(1_000_000);

/**
 * The features worth learning from: backward elimination on about 4000 rows drawn by the seed and five folds in order of
 * their cutoffs, a small fixed model of three quantiles judging by its mean pinball loss. Kept is the smallest set at most
 * half a standard error above the best one. The step ahead and the entity stay; where nothing else helps they are all
 * there is, and the model is its reference with a spread for each step. Where the later rows, which chose nothing, are
 * told clearly better with all features, the choice has failed, and all are kept. (B-TRN-3)
 *
 * Depends on its arguments alone, none of which a search of the trees' parameters varies, and is remembered under a hash
 * of the drawn rows: such a search pays for it once.
 *
 * Rows are permuted one by one: each is predicted by itself, and blocks as long as a season would be permuted onto
 * others that look the same, by which the season would seem to tell nothing. Nothing is screened but constants, since
 * rows see nothing behind their cutoff.
 *
 * @param later in order of time, known after `rows`
 * @returns names in the order of the table; null where there are too few rows for the folds, and all stay
 */
export function selectFeatures(
  rows: SelectionRows,
  later: SelectionRows,
  setting: SelectionSetting,
  memory: ByteLru<readonly string[] | null> = chosen,
): readonly string[] | null {
  const drawn = { rows: drawRows(rows, setting.seed), later: drawRows(later, setting.seed) };
  const key = keyOf(drawn, setting);
  const known = memory.get(key);
  if (known !== undefined) return known;
  const names = chooseFeatures(drawn, setting);
  memory.set(key, names, key.length + JSON.stringify(names).length);
  return names;
}

interface Drawn {
  readonly rows: SelectionRows;
  readonly later: SelectionRows;
}

function chooseFeatures({ rows, later }: Drawn, setting: SelectionSetting): readonly string[] | null {
  const { table, labels, cutoffTimes } = rows;
  const folds = foldsOf(cutoffTimes, setting);
  if (folds === null) return null;
  const { kept } = eliminateFeatures({
    features: table,
    labels,
    folds,
    fit: (features, targets) => {
      const booster = judge(features, targets);
      const predict = (other: Table) => stacked(rawScores(booster, other), other);
      return Object.assign(predict, { looksAt: featuresInTrees(booster) });
    },
    loss: pinball,
    stay: [STEP_AHEAD, ENTITY],
    screen: screenConstants,
    tolerance: TOLERANCE,
    blockLength: 1,
    repeats: 1,
    seed: setting.seed,
  });
  const scoresOf = (names: readonly string[]) =>
    rawScores(judge(pickColumns(table, names), labels), pickColumns(later.table, names));
  return isProven(OBJECTIVE, later.labels, scoresOf(kept), scoresOf(table.names)) ? table.names : kept;
}

function judge(features: Table, labels: Float64Array): Booster {
  const fitRows = Math.floor(FIT_SHARE * features.rows);
  return boost({ table: features, labels, fitRows }, OBJECTIVE, SELECTING).booster;
}

function foldsOf(cutoffTimes: Float64Array, { grid, horizon }: SelectionSetting): Fold[] | null {
  const known = new Map<number, number>();
  for (const time of new Set(cutoffTimes)) known.set(time, timesAfter(time, horizon, grid).at(-1)!);
  const knownAt = cutoffTimes.map((time) => known.get(time)!);
  try {
    const folds = timeOrderedFolds(cutoffTimes, knownAt, FOLDS, LEFT_OUT);
    return folds[0]!.trainTo < MIN_FIT_ROWS ? null : folds;
  } catch (error) {
    if (error instanceof InvalidInputError) return null;
    throw error;
  }
}

function featuresInTrees({ features, trees }: Booster): Set<string> {
  const splits = trees.flatMap(({ feature }) => [...feature.filter((f) => f !== LEAF)]);
  return new Set(splits.map((f) => features[f]!));
}

/** [levels, rows] in one array, as the elimination hands predictions on. */
function stacked(scores: readonly Float64Array[], { rows }: Table): Float64Array {
  const values = new Float64Array(LEVELS * rows);
  scores.forEach((column, level) => {
    values.set(column, level * rows);
  });
  return values;
}

function pinball(labels: Float64Array, predictions: ArrayLike<number>): number {
  const values = predictions as Float64Array;
  const rows = labels.length;
  const scores = OBJECTIVE.levels.map((_, level) => values.subarray(level * rows, (level + 1) * rows));
  return meanLoss(OBJECTIVE, labels, scores, 0, rows);
}

/** About MAX_ROWS of them, in order of their cutoffs. */
function drawRows({ table, labels, cutoffTimes }: SelectionRows, seed: number): SelectionRows {
  const key = randomKey(seed, STREAMS.features, 0);
  const share = MAX_ROWS / table.rows;
  const order = Int32Array.from(labels.keys())
    .filter((row) => uniformAt(key, row) < share)
    .sort((a, b) => cutoffTimes[a]! - cutoffTimes[b]! || a - b);
  return {
    table: pickRows(table, order),
    labels: pick(labels, order),
    cutoffTimes: pick(cutoffTimes, order),
  };
}

function keyOf({ rows, later }: Drawn, { grid, horizon, seed }: SelectionSetting): string {
  const hash = createHash("sha256");
  const counts = [rows.table.rows, later.table.rows];
  hash.update(JSON.stringify([rows.table.names, counts, grid.stepMs, grid.calendar, horizon, seed]));
  for (const { table, labels, cutoffTimes } of [rows, later])
    for (const values of [...table.columns, labels, cutoffTimes])
      hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest("hex");
}

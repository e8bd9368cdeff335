import { InvalidInputError } from "../../errors.ts";
import { eliminateFeatures, type Selection } from "../../search/features/eliminate.ts";
import { type Fold, timeOrderedFolds } from "../../search/features/folds.ts";
import { screenFeatures } from "../../search/features/screen.ts";
import { type Observation, type SamplerName, suggest } from "../../search/sampler.ts";
import { defineSpace, type Point } from "../../search/space.ts";
import { BOOSTING_DEFAULTS, type BoostingParams, boost } from "../gbdt/boost.ts";
import { type Booster, predict } from "../gbdt/booster.ts";
import { sliceRows, type Table } from "../tabular/table.ts";
import { logLoss } from "./measures.ts";
import { type SignalRows, splitForValidation, withColumns } from "./rows.ts";

const LOGISTIC = { kind: "logistic" } as const;

/** Shallow, slow and few: a signal drowns in noise, and what is chosen by it must not be its noise. */
const SELECTING: BoostingParams = {
  ...BOOSTING_DEFAULTS,
  learningRate: 0.1,
  leaves: 8,
  rounds: 40,
  minLeaf: 20,
};

/** What is searched of the trees, as `BoostingParams` has it. */
export const SIGNAL_SPACE = defineSpace([
  { kind: "float", name: "learningRate", min: 0.02, max: 0.3, log: true, default: 0.1 },
  { kind: "integer", name: "leaves", min: 3, max: 31, log: true, default: 8 },
  { kind: "integer", name: "minLeaf", min: 10, max: 200, log: true, default: 20 },
  { kind: "float", name: "l2", min: 0.1, max: 100, log: true, default: 1 },
  { kind: "integer", name: "rounds", min: 10, max: 200, log: true, default: 40 },
]);

export interface SignalTraining {
  /** walk-forward folds that features and parameters are chosen on */
  readonly folds: number;
  /** hyper-parameter trials */
  readonly trials: number;
  readonly sampler: SamplerName;
  /** rows at the end that stop the boosting in time; the trees are not fitted to them (B-TRN-2: the last 2 of 14 days) */
  readonly validationRows: number;
  /** bars ahead: labels of neighbouring rows share so many, and blocks of so many rows are permuted */
  readonly horizon: number;
  readonly seed: number;
}

export interface SignalTrial {
  readonly point: Point;
  /** mean over the folds */
  readonly logLoss: number;
}

/** A model that gives a probability of a rise, and how it came about. */
export interface TrainedSignal {
  readonly booster: Booster;
  /** columns it looks at */
  readonly features: readonly string[];
  readonly params: BoostingParams;
  readonly selection: Selection;
  readonly trials: readonly SignalTrial[];
}

/**
 * Features, then hyper-parameters, then the model (B-TRN-3), all from the given rows, whose labels must be known:
 *
 * 1. backward elimination on folds in order of time, a small fixed model judging;
 * 2. a search of the trees' parameters on the same folds, by mean log loss;
 * 3. boosting with what was chosen, stopped by the last `validationRows` rows; rows whose label reaches into them
 *    are left out.
 *
 * Where no feature tells anything, one remains: the model is then little more than the share of rises. Same arguments,
 * same model.
 *
 * @param rows in order of time
 * @throws {InvalidInputError} for too few rows for the folds or the validation, labels of one class, and features that
 *   are all constant or the label itself
 */
export function trainSignal(rows: SignalRows, training: SignalTraining): TrainedSignal {
  const folds = foldsOf(rows, training.folds);
  const selection = selectSignalFeatures(rows, folds, training);
  const table = withColumns(rows.table, selection.kept);
  const trials = searchParams({ ...rows, table }, folds, training);
  const best = trials.reduce<SignalTrial | undefined>(
    (least, each) => (least === undefined || each.logLoss < least.logLoss ? each : least),
    undefined,
  );
  const params = paramsAt(best?.point ?? {}, training.seed);
  const booster = fitSignal({ ...rows, table }, params, training.validationRows);
  return { booster, features: selection.kept, params, selection, trials };
}

/** Folds in order of time whose rows to fit on hold both classes. */
function foldsOf({ times, knownAt, labels }: SignalRows, count: number): Fold[] {
  return timeOrderedFolds(times, knownAt, count).filter(({ trainTo }) => {
    const rises = labels.subarray(0, trainTo).reduce((sum, label) => sum + label, 0);
    return rises > 0 && rises < trainTo;
  });
}

/**
 * The features worth looking at, by backward elimination on folds in order of time; all that vary where no fold has
 * both classes to fit on.
 *
 * @throws {InvalidInputError} as `timeOrderedFolds`, and where all features are constant or the label itself
 */
export function selectSignalFeatures(
  rows: SignalRows,
  folds: readonly Fold[] | number,
  { horizon, seed }: Pick<SignalTraining, "horizon" | "seed">,
): Selection {
  const usable = typeof folds === "number" ? foldsOf(rows, folds) : folds;
  const selection =
    usable.length === 0
      ? allThatVary(rows)
      : eliminateFeatures({
          features: rows.table,
          labels: rows.labels,
          folds: usable,
          fit: (features, labels) => fitted(features, labels, SELECTING),
          loss: logLoss,
          blockLength: horizon,
          repeats: 2,
          seed,
        });
  if (selection.kept.length > 0) return selection;
  const why = selection.screened.map(({ name, because }) => `${name}: ${because}`).join("; ");
  throw new InvalidInputError(`signal: no feature is left to learn from: ${why}`);
}

function allThatVary({ table, labels }: SignalRows): Selection {
  const screened = screenFeatures(table, labels);
  const out = new Set(screened.map(({ name }) => name));
  return { kept: table.names.filter((name) => !out.has(name)), screened, rounds: [] };
}

function searchParams(
  { table, labels }: SignalRows,
  folds: readonly Fold[],
  { trials: most, sampler, seed }: SignalTraining,
): SignalTrial[] {
  const trials: SignalTrial[] = [];
  const history: Observation[] = [];
  while (trials.length < most && folds.length > 0) {
    const number = trials.length;
    const point = suggest(SIGNAL_SPACE, { sampler, seed, history, starts: [{ ...SELECTING }], number });
    if (point === undefined) break;
    const losses = folds.map(({ trainTo, testFrom, testTo }) => {
      const probabilities = fitted(
        sliceRows(table, 0, trainTo),
        labels.subarray(0, trainTo),
        paramsAt(point, seed),
      );
      return logLoss(labels.subarray(testFrom, testTo), probabilities(sliceRows(table, testFrom, testTo)));
    });
    const objective = losses.reduce((sum, each) => sum + each, 0) / losses.length;
    trials.push({ point, logLoss: objective });
    history.push({ number, point, objective });
  }
  return trials;
}

/** Trees fitted to all rows of the table but the last `validationRows`, which stop them in time. */
export function fitSignal(rows: SignalRows, params: BoostingParams, validationRows: number): Booster {
  return boost(splitForValidation(rows, validationRows), LOGISTIC, params).booster;
}

function paramsAt(point: Point, seed: number): BoostingParams {
  return { ...SELECTING, ...(point as Partial<BoostingParams>), seed };
}

function fitted(features: Table, labels: Float64Array, params: BoostingParams) {
  const { booster } = boost({ table: features, labels }, LOGISTIC, params);
  return (other: Table) => predict(booster, other);
}

/** [rows] probabilities of a rise. @throws {InvalidInputError} for rows without one of its features */
export function signalProbabilities(
  { booster, features }: Pick<TrainedSignal, "booster" | "features">,
  table: Table,
): Float32Array {
  return predict(booster, withColumns(table, features));
}

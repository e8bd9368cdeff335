import { InvalidInputError } from "../../errors.ts";
import type { TrainingRequest } from "../family.ts";
import { NINE_LEVELS } from "../quantile-forecast.ts";
import { pickColumns, pickRows, type Table } from "../tabular/table.ts";
import { type BoostingParams, boost } from "./boost.ts";
import { type Booster, rawScores } from "./booster.ts";
import { type EncodedRows, encodedRows, pick } from "./encoded-rows.ts";
import { planFeatures } from "./feature-plan.ts";
import { type SelectionSetting, selectFeatures } from "./feature-selection.ts";
import { ENTITY, type ForecasterLayout, featuresOf } from "./forecaster.ts";
import type { TreeModel } from "./model-files.ts";
import { meanLoss, type Objective } from "./objective.ts";
import { isProven } from "./proof.ts";
import { REFERENCES, type Reference, stepScales } from "./scaled-target.ts";
import { spreadBy, spreadFactor } from "./spread.ts";
import { type TrainingRows, trainingRows } from "./training-rows.ts";

const DAY_MS = 86_400_000;
/** A warm start looks at targets this new, or newer than what its parent saw, whichever is more. */
const RECENT_MS = 30 * DAY_MS;
const MAX_ROWS = 30_000;
/** Fewer rows than this tell nothing. */
const MIN_ROWS = 20;
/** Share of the targets' time, the latest, that decides how many rounds there are and how wide the quantiles. */
const VALIDATION_SHARE = 0.2;
const OBJECTIVE: Objective = { kind: "quantile", levels: NINE_LEVELS };

/** A forecaster as it comes from its training. */
export interface TrainedForecaster extends TreeModel {
  readonly layout: ForecasterLayout;
}

export interface TrainingResult extends TrainedForecaster {
  readonly rounds: { readonly total: number; readonly added: number };
  /** that the kept trees were fitted to */
  readonly rows: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface ForecasterSettings {
  readonly boosting: BoostingParams;
  readonly lags: number;
  readonly reference: Reference | "auto";
  /** whether the trees are given those features alone that are worth it: see `selectFeatures` */
  readonly selectFeatures: boolean;
}

/**
 * Trains from nothing: on the first four fifths of the targets' time until the last fifth is predicted no better, then
 * as many rounds on all rows.
 *
 * @throws {InvalidInputError} when the series are too short
 */
export function trainForecaster(request: TrainingRequest, settings: ForecasterSettings): TrainingResult {
  const { series, grid, horizon, seasonLength, params, seed } = request;
  const plan = planFeatures(series, grid, seasonLength, settings.lags, params.context_length);
  const shape = { grid, plan, horizon, contextLength: params.context_length, maxRows: MAX_ROWS };
  const rows = trainingRows({ ...shape, series, fromMs: -Infinity, seed });
  const reference = settings.reference === "auto" ? smallestErrors(rows) : settings.reference;
  const layout: ForecasterLayout = {
    levels: [...NINE_LEVELS],
    horizon,
    context_length: params.context_length,
    step_ms: grid.stepMs,
    features: { ...plan, windows: [...plan.windows], calendar: [...plan.calendar] },
    reference,
    step_scales: [...stepScales(horizon, rows.steps, rows.errors[reference])],
    entities: series.some(({ entity }) => entity !== null),
  };
  const encoded = encodedRows(rows, layout, null);
  if (encoded.table.rows < MIN_ROWS)
    throw new InvalidInputError(
      `the series give ${encoded.table.rows} training rows, family 'gbdt' needs at least ${MIN_ROWS}: each is an observed value with 4 observed values before it, at most ${horizon} steps away`,
    );
  const kept = settings.selectFeatures ? keptFeatures(encoded, { grid, horizon, seed }) : null;
  return fit(encoded, kept === null ? layout : { ...layout, kept }, settings.boosting, null);
}

/** Chosen on the rows before the latest fifth, which may only refuse the choice: it is to tell of the trees. */
function keptFeatures(
  { table, labels, cutoffTimes, targetTimes }: EncodedRows,
  setting: SelectionSetting,
): string[] | null {
  const split = splitByTime(targetTimes, cutoffTimes);
  if (split === null) return null;
  const of = (rows: Int32Array) => ({
    table: pickRows(table, rows),
    labels: pick(labels, rows),
    cutoffTimes: pick(cutoffTimes, rows),
  });
  const names = selectFeatures(of(split.fitted), of(split.validation), setting);
  return names?.filter((name) => name !== ENTITY) ?? null;
}

/**
 * Adds rounds to a parent's trees, fitted to targets of the last 30 days, or to all since the parent's training. What
 * the parent measures targets in, its features and its entities' values stay; new entities are appended. (D-TRN-1)
 *
 * @param boosting its rounds are those to add at most
 * @param seenMs   time of the last value the parent saw
 * @returns the parent itself, with no round added, where there are too few rows
 */
export function continueForecaster(
  request: TrainingRequest,
  boosting: BoostingParams,
  parent: TrainedForecaster,
  seenMs: number,
): TrainingResult {
  const { series, grid, seed } = request;
  const { layout } = parent;
  const endMs = Math.max(...series.map((each) => each.endMs));
  const shape = {
    grid,
    plan: layout.features,
    horizon: layout.horizon,
    contextLength: layout.context_length,
  };
  const fromMs = Math.min(endMs - RECENT_MS, seenMs);
  const rows = trainingRows({ ...shape, series, maxRows: MAX_ROWS, fromMs, seed });
  const encoded = encodedRows(rows, layout, parent);
  const total = parent.booster.trees.length;
  if (encoded.table.rows < MIN_ROWS) return { ...parent, rounds: { total, added: 0 }, rows: 0, metrics: {} };
  return fit(encoded, layout, boosting, parent);
}

/** Whether a parent's trees fit what is asked for. */
export function canContinue(
  { layout }: TrainedForecaster,
  { horizon, grid, params, series }: TrainingRequest,
): boolean {
  return (
    layout.horizon === horizon &&
    layout.step_ms === grid.stepMs &&
    layout.context_length === params.context_length &&
    layout.entities === series.some(({ entity }) => entity !== null)
  );
}

function smallestErrors({ errors }: TrainingRows): Reference {
  const size = (reference: Reference) => errors[reference].reduce((sum, error) => sum + Math.abs(error), 0);
  return REFERENCES.reduce((best, each) => (size(each) < size(best) ? each : best));
}

function fit(
  encoded: EncodedRows,
  layout: ForecasterLayout,
  boosting: BoostingParams,
  parent: TrainedForecaster | null,
): TrainingResult {
  const { labels, cutoffTimes, targetTimes, encoders } = encoded;
  const table = pickColumns(encoded.table, [...featuresOf(layout), ...encoders.map(({ name }) => name)]);
  const split = splitByTime(targetTimes, cutoffTimes);
  let rounds = boosting.rounds;
  let factor = 1;
  let metrics: Record<string, number> = {};
  if (split !== null) {
    const order = Int32Array.of(...split.fitted, ...split.validation);
    const fitRows = split.fitted.length;
    const proof = boost(
      { table: pickRows(table, order), labels: pick(labels, order), fitRows },
      OBJECTIVE,
      boosting,
      parent?.booster,
    );
    const truth = pick(labels, split.validation);
    const held = pickRows(table, split.validation);
    const before = { ...proof.booster, trees: parent?.booster.trees ?? [] };
    const [without, withTrees] = [before, proof.booster].map((booster) => rawScores(booster, held));
    const proven = isProven(OBJECTIVE, truth, without!, withTrees!);
    rounds = proven ? proof.rounds.added : 0;
    factor = spreadFactor(NINE_LEVELS, proven ? withTrees! : without!, truth);
    metrics = measure(spreadBy(proven ? proof.booster : before, NINE_LEVELS, factor), held, truth, factor);
  }
  const final = boost({ table, labels }, OBJECTIVE, { ...boosting, rounds }, parent?.booster);
  const booster = spreadBy(final.booster, NINE_LEVELS, factor);
  return { booster, layout, encoders, rounds: final.rounds, rows: table.rows, metrics };
}

/** Rows whose target comes before a time and rows whose cutoff does not; null where one of them would be too few. */
function splitByTime(
  targetTimes: Float64Array,
  cutoffTimes: Float64Array,
): { fitted: Int32Array; validation: Int32Array } | null {
  const all = Int32Array.from(targetTimes.keys());
  const at = targetTimes[Math.floor((1 - VALIDATION_SHARE) * all.length)]!;
  const fitted = all.filter((row) => targetTimes[row]! <= at);
  const validation = all.filter((row) => cutoffTimes[row]! >= at);
  return fitted.length < MIN_ROWS || validation.length < MIN_ROWS ? null : { fitted, validation };
}

function measure(booster: Booster, held: Table, truth: Float64Array, factor: number): Record<string, number> {
  const scores = rawScores(booster, held);
  const [low, high] = [scores[0]!, scores.at(-1)!];
  const inside = truth.filter((value, row) => value >= low[row]! && value <= high[row]!).length;
  return {
    validation_rows: held.rows,
    validation_pinball: meanLoss(booster.objective, truth, scores, 0, held.rows),
    validation_coverage_80: inside / held.rows,
    spread_factor: factor,
  };
}

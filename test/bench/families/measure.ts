import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MODEL_FAMILIES } from "../../../shared/contracts/live-config.ts";
import { explain } from "../../../shared/errors.ts";
import { packBundle, readBundle } from "../../../shared/forecasting/bundle/bundle.ts";
import { timeBefore } from "../../../shared/forecasting/bundle/trained-on.ts";
import { ensembleOf, describe as reportOf } from "../../../shared/forecasting/ensemble/ensemble-bundle.ts";
import { type FamilyName, familyOf, openFamily } from "../../../shared/forecasting/families.ts";
import type { ForecastModel } from "../../../shared/forecasting/family.ts";
import { medianOf } from "../../../shared/forecasting/quantile-function.ts";
import { quantileLoss } from "../../../shared/forecasting/window-loss.ts";
import { ROOT } from "../../../shared/service.ts";
import { naiveScale } from "../../../shared/statistics/errors.ts";
import type { DataSet } from "./data.ts";

/** Share of the steps before the first cutoff: what trained families learn from. */
const TRAINING = 0.7;
const SEED = 1;

/** Errors of one family on one series over some windows. */
export interface Errors {
  readonly absolute: number;
  readonly quantile: number;
  readonly actual: number;
  readonly steps: number;
}

export interface FamilyResult {
  readonly family: string;
  /** [cutoffs][series] */
  readonly errors: readonly (readonly Errors[])[];
  readonly trainingMs: number | null;
  readonly msPerForecast: number;
  /** of an ensemble: its weights, and whether the foundation model's calls for a look */
  readonly weights?: string | undefined;
}

export interface FailedFamily {
  readonly family: string;
  readonly failed: string;
}

/** Pretrained files: the shipped one, and one of Chronos-T5 if RETUNE_T5_MODEL names it. */
function pretrainedFile(name: string): string | undefined {
  if (name === "chronos-bolt") return join(ROOT, "models/tiny-bolt/model.onnx");
  return name === "chronos-t5" ? process.env.RETUNE_T5_MODEL : undefined;
}

/** Trained families that need more than series: a trainer of one's own, labels. */
const NOT_ON_SERIES_ALONE: readonly string[] = ["command", "signal"];

/** Families that can be measured on series alone; pretrained ones where their file is at hand. */
export async function measurable(): Promise<FamilyName[]> {
  const chosen: FamilyName[] = [];
  for (const name of MODEL_FAMILIES) {
    if (NOT_ON_SERIES_ALONE.includes(name)) continue;
    const { artifact } = await familyOf(name);
    if (artifact !== "file" || pretrainedFile(name) !== undefined) chosen.push(name);
  }
  return chosen;
}

/** Cutoffs from the end of the training part on, each followed by a whole horizon. */
export function cutoffsOf({ series, horizon, stepSize }: DataSet): number[] {
  const { length } = series[0]!.values;
  const cutoffs: number[] = [];
  for (let at = Math.floor(TRAINING * length) - 1; at + horizon < length; at += stepSize) cutoffs.push(at);
  return cutoffs;
}

/** Walk forward with the family's defaults; trained families are trained once, on what lies before the first cutoff. */
export async function measure(name: FamilyName, set: DataSet): Promise<FamilyResult | FailedFamily> {
  try {
    const cutoffs = cutoffsOf(set);
    const startedAt = performance.now();
    const trained = await train(name, set, cutoffs[0]!);
    const trainingMs = trained === undefined ? null : performance.now() - startedAt;
    const model = await openFamily(name, trained ?? pretrainedFile(name));
    const errors: Errors[][] = [];
    const times: number[] = [];
    for (const cutoff of cutoffs) {
      const before = performance.now();
      const forecasts = await forecastAt(model, set, cutoff);
      times.push((performance.now() - before) / forecasts.length);
      errors.push(forecasts.map((forecast, s) => errorsOf(forecast, set.series[s]!.values, cutoff)));
    }
    await model.release();
    times.sort((a, b) => a - b);
    const msPerForecast = times[Math.floor(times.length / 2)]!;
    const weights = name === "ensemble" ? weightsOf(trained!) : undefined;
    return { family: name, errors, trainingMs, msPerForecast, weights };
  } catch (error) {
    return { family: name, failed: explain(error) };
  }
}

function weightsOf(packed: Uint8Array): string {
  const { weights, foundation } = reportOf(ensembleOf(readBundle(packed, "ensemble")));
  const listed = Object.entries(weights)
    .filter(([, weight]) => weight > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([member, weight]) => `${member} ${weight.toFixed(2)}`);
  const flag = foundation?.flag;
  return `Weights of the ensemble: ${listed.join(", ")}.${flag ? ` Flagged: ${flag}.` : ""}`;
}

async function train(name: FamilyName, set: DataSet, cutoff: number): Promise<Uint8Array | undefined> {
  const family = await familyOf(name);
  if (family.train === undefined) return undefined;
  const { grid, horizon, seasonLength } = set;
  const bytes = readFileSync(pretrainedFile("chronos-bolt")!);
  const bundle = await family.train({
    series: set.series.map(({ entity, values }) => ({
      entity,
      values: values.slice(0, cutoff + 1),
      endMs: endOf(set, cutoff),
    })),
    ...{ grid, horizon, seasonLength, params: params(set), seed: SEED, parent: null },
    pretrained: { family: "chronos-bolt", bytes },
  });
  return packBundle(bundle);
}

function params({ contextLength }: DataSet) {
  return { context_length: contextLength, num_samples: 100, temperature: 1 };
}

function endOf({ series, endMs, grid }: DataSet, cutoff: number): number {
  return timeBefore(endMs, series[0]!.values.length - 1 - cutoff, grid);
}

function forecastAt(model: ForecastModel, set: DataSet, cutoff: number) {
  const { series, horizon, seasonLength, grid, contextLength } = set;
  const contexts = series.map(({ values }) =>
    Float32Array.from(values.subarray(Math.max(0, cutoff + 1 - contextLength), cutoff + 1)),
  );
  const infos = series.map(({ entity }) => ({ entity, endMs: endOf(set, cutoff) }));
  const spec = { ...params(set), horizon, season_length: seasonLength, series: infos, grid, seed: SEED };
  return model.forecast(contexts, spec);
}

type Forecast = Awaited<ReturnType<typeof forecastAt>>[number];

function errorsOf(forecast: Forecast, values: Float64Array, cutoff: number): Errors {
  const sums = { absolute: 0, quantile: 0, actual: 0, steps: 0 };
  forecast.quantiles.forEach((row, h) => {
    const actual = values[cutoff + 1 + h]!;
    if (Number.isNaN(actual)) return;
    sums.absolute += Math.abs(medianOf(forecast.levels, row) - actual);
    sums.quantile += quantileLoss(forecast, h, actual);
    sums.actual += Math.abs(actual);
    sums.steps += 1;
  });
  return sums;
}

export interface Figures {
  /** mean over the series */
  readonly mase: number;
  readonly wql: number;
  /** geometric means over the series of what is relative to seasonal naive */
  readonly relativeMase: number;
  readonly relativeWql: number;
}

/**
 * Standard error of the ratio of two weighted quantile losses, from what they are at each cutoff: by the delta method,
 * sd(l − r n) / (√T · mean n). Too small where windows overlap.
 */
export function ratioError(result: FamilyResult, naive: FamilyResult, set: DataSet): number {
  const scales = set.series.map((_, s) => total(naive, s, 0, naive.errors.length).quantile);
  const losses = ({ errors }: FamilyResult) =>
    errors.map((window) => window.reduce((sum, { quantile }, s) => sum + quantile / scales[s]!, 0));
  const [own, reference] = [losses(result), losses(naive)];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const ratio = mean(own) / mean(reference);
  const deviations = own.map((loss, w) => (loss - ratio * reference[w]!) ** 2);
  return Math.sqrt(mean(deviations) / own.length) / mean(reference);
}

/**
 * Errors over windows as figures. MASE divides by the seasonal naive error within the training part, the weighted
 * quantile loss by the mean absolute value.
 *
 * @param from first cutoff that counts
 * @param to   exclusive
 */
export function figuresOf(
  result: FamilyResult,
  naive: FamilyResult,
  set: DataSet,
  from = 0,
  to = result.errors.length,
): Figures {
  const perSeries = set.series.map(({ values }, s) => {
    const training = values.subarray(0, cutoffsOf(set)[0]! + 1);
    const own = total(result, s, from, to);
    const reference = total(naive, s, from, to);
    return {
      mase: own.absolute / own.steps / naiveScale(training, set.seasonLength),
      wql: own.quantile / own.actual,
      relativeMase: own.absolute / reference.absolute,
      relativeWql: own.quantile / reference.quantile,
    };
  });
  const mean = (of: (each: Figures) => number) =>
    perSeries.reduce((sum, each) => sum + of(each), 0) / perSeries.length;
  return {
    mase: mean(({ mase }) => mase),
    wql: mean(({ wql }) => wql),
    relativeMase: Math.exp(mean(({ relativeMase }) => Math.log(relativeMase))),
    relativeWql: Math.exp(mean(({ relativeWql }) => Math.log(relativeWql))),
  };
}

function total({ errors }: FamilyResult, s: number, from: number, to: number): Errors {
  const sums = { absolute: 0, quantile: 0, actual: 0, steps: 0 };
  for (const window of errors.slice(from, to)) {
    const { absolute, quantile, actual, steps } = window[s]!;
    sums.absolute += absolute;
    sums.quantile += quantile;
    sums.actual += actual;
    sums.steps += steps;
  }
  return sums;
}

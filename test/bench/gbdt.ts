/**
 * Our gradient-boosted trees beside LightGBM on the same rows, ONNX beside plain TypeScript trees, a warm start beside
 * a training from nothing. Times are CPU time, since cores may be shared; one thread each.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packBundle } from "../../shared/forecasting/bundle/bundle.ts";
import type { TrainingRequest } from "../../shared/forecasting/family.ts";
import { BOOSTING_DEFAULTS, type BoostingParams, boost } from "../../shared/forecasting/gbdt/boost.ts";
import { type Booster, predict } from "../../shared/forecasting/gbdt/booster.ts";
import { gbdtFamily } from "../../shared/forecasting/gbdt/family.ts";
import { forecastRows, parseLayout } from "../../shared/forecasting/gbdt/forecaster.ts";
import { friedman, type Rows } from "../../shared/forecasting/gbdt/gbdt.fixture.ts";
import { openModel } from "../../shared/forecasting/gbdt/model-files.ts";
import type { Objective } from "../../shared/forecasting/gbdt/objective.ts";
import { openOnnxPredictor } from "../../shared/forecasting/gbdt/onnx-predictor.ts";
import { boosterToOnnx } from "../../shared/forecasting/gbdt/to-onnx.ts";
import { uniform } from "../../shared/forecasting/random.ts";
import { rowMajor } from "../../shared/forecasting/tabular/table.ts";
import { askPython } from "./peers/python.ts";
import { type BenchResult, quantile } from "./result.ts";

const COLUMNS = 20;
const TEST_ROWS = 20_000;
const ROUNDS = 3;
const SEEDS = [1, 2, 3];
const PARAMS: BoostingParams = { ...BOOSTING_DEFAULTS, patience: 100 };
const SETTINGS = {
  learning_rate: PARAMS.learningRate,
  num_leaves: PARAMS.leaves,
  rounds: PARAMS.rounds,
  min_data_in_leaf: PARAMS.minLeaf,
  lambda_l2: PARAMS.l2,
  max_bin: PARAMS.maxBins,
};

interface Task {
  readonly name: string;
  readonly objective: Objective;
  readonly settings: Record<string, string | number>;
  readonly label: (value: number) => number;
  readonly loss: (label: number, predicted: number) => number;
}

const TASKS: readonly Task[] = [
  {
    name: "squared error",
    objective: { kind: "l2" },
    settings: { objective: "l2" },
    label: (value) => value,
    loss: (label, predicted) => (label - predicted) ** 2,
  },
  {
    name: "90 % quantile",
    objective: { kind: "quantile", levels: [0.9] },
    settings: { objective: "quantile", alpha: 0.9 },
    label: (value) => value,
    loss: (label, predicted) => (label - predicted) * (label > predicted ? 0.9 : -0.1),
  },
  {
    name: "log loss",
    objective: { kind: "logistic" },
    settings: { objective: "binary" },
    label: (value) => (value > 14 ? 1 : 0),
    loss: (label, predicted) => -Math.log(label === 1 ? predicted : 1 - predicted),
  },
];

/** Milliseconds of CPU time that `work` takes; the least of a few times, what others leave of the caches. */
function cpuMs(work: () => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

interface PeerFigures {
  /** milliseconds of CPU time, least of a few times */
  readonly ms: number;
  readonly predicted: Float32Array;
}

async function lightgbm(task: Task, train: Rows, test: Rows): Promise<PeerFigures | { skipped: string }> {
  const folder = await mkdtemp(join(tmpdir(), "retune-gbdt-"));
  try {
    for (const [name, rows] of Object.entries({ train, test })) {
      const columns = [...rows.table.columns, Float32Array.from(rows.labels)];
      await writeFile(
        join(folder, `${name}.f32`),
        Buffer.concat(columns.map((each) => Buffer.from(each.buffer))),
      );
    }
    const settings = JSON.stringify({ ...SETTINGS, ...task.settings });
    let ms = Infinity;
    for (let round = 0; round < ROUNDS; round += 1) {
      const asked = await askPython<{ cpu: number }>("lightgbm_rows.py", [folder, String(COLUMNS), settings]);
      if ("skipped" in asked) return asked;
      ms = Math.min(ms, 1000 * asked.answer.cpu);
    }
    const bytes = await readFile(join(folder, "predicted.f32"));
    return {
      ms,
      predicted: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function labelled({ table, labels }: Rows, { label }: Task): Rows {
  return { table, labels: labels.map(label) };
}

function meanLoss({ loss }: Task, { labels }: Rows, predicted: Float32Array): number {
  return labels.reduce((sum, label, row) => sum + loss(label, predicted[row]!), 0) / labels.length;
}

/** Times and held-out losses of one task over several data sets; LightGBM's where it is at hand. */
async function compare(task: Task, rows: number, seeds: readonly number[]): Promise<BenchResult[]> {
  const ratios: { time: number[]; loss: number[] } = { time: [], loss: [] };
  const times: number[] = [];
  for (const seed of seeds) {
    const train = labelled(friedman(rows, 2 * seed, COLUMNS), task);
    const test = labelled(friedman(TEST_ROWS, 2 * seed + 1, COLUMNS), task);
    let booster: Booster | undefined;
    const ms = cpuMs(() => {
      booster = boost(train, task.objective, PARAMS).booster;
    });
    times.push(ms);
    const peer = await lightgbm(task, train, test);
    if ("skipped" in peer) {
      console.log(`  LightGBM skipped: ${peer.skipped}`);
      continue;
    }
    ratios.time.push(ms / peer.ms);
    ratios.loss.push(
      meanLoss(task, test, predict(booster!, test.table)) / meanLoss(task, test, peer.predicted),
    );
  }
  const what = `${task.name}, ${rows.toLocaleString("en")} x ${COLUMNS}, 100 trees of 31 leaves`;
  const result: BenchResult[] = [{ name: `${what}: training`, value: quantile(times, 0.5), unit: "ms CPU" }];
  if (ratios.time.length === 0) return result;
  const error = ratios.loss.reduce((product, ratio) => product * ratio, 1) ** (1 / ratios.loss.length);
  return [
    ...result,
    { name: `${what}: time / LightGBM's`, value: quantile(ratios.time, 0.5), unit: "times", target: "<= 3" },
    { name: `${what}: held-out loss / LightGBM's`, value: error, unit: "times", target: "<= 1.02" },
  ];
}

async function serving(): Promise<BenchResult[]> {
  const levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
  const { booster } = boost(
    friedman(10_000, 1, COLUMNS),
    { kind: "quantile", levels },
    { ...PARAMS, rounds: 200 },
  );
  const { table } = friedman(TEST_ROWS, 2, COLUMNS);
  const here = cpuMs(() => predict(booster, table));
  const predictor = await openOnnxPredictor(boosterToOnnx(booster), "bench");
  const features = rowMajor(table);
  const expected = predict(booster, table);
  let onnx = Infinity;
  let one = Infinity;
  let worst = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    const predicted = await predictor.predict(features, table.rows);
    const { user, system } = process.cpuUsage(before);
    onnx = Math.min(onnx, (user + system) / 1000);
    for (let i = 0; i < predicted.length; i += 1)
      worst = Math.max(worst, Math.abs(predicted[i]! - expected[i]!));
    const startedAt = performance.now();
    for (let row = 0; row < 200; row += 1)
      await predictor.predict(features.subarray(row * COLUMNS, (row + 1) * COLUMNS), 1);
    one = Math.min(one, (performance.now() - startedAt) / 200);
  }
  await predictor.release();
  const what = `200 trees, nine quantiles, ${TEST_ROWS.toLocaleString("en")} rows`;
  return [
    { name: `${what}: ONNX`, value: onnx, unit: "ms CPU" },
    { name: `${what}: plain TypeScript / ONNX`, value: here / onnx, unit: "times" },
    { name: "one row in ONNX", value: 1000 * one, unit: "µs" },
    { name: `${what}: largest difference`, value: worst, unit: "" },
  ];
}

/** A model of 100 rounds meets rows whose labels have moved: 20 rounds more on a tenth of the rows, or all anew. */
function warmStart(): BenchResult[] {
  const objective: Objective = { kind: "l2" };
  const moved = (rows: Rows): Rows => ({ ...rows, labels: rows.labels.map((label) => 1.1 * label + 2) });
  const [old, recent, test] = [
    friedman(18_000, 1, COLUMNS),
    moved(friedman(2_000, 2, COLUMNS)),
    moved(friedman(TEST_ROWS, 3, COLUMNS)),
  ];
  const parent = boost(old, objective, PARAMS).booster;
  const names = old.table.names;
  const columns = old.table.columns.map((column, f) =>
    Float32Array.of(...column, ...recent.table.columns[f]!),
  );
  const whole: Rows = {
    table: { names, columns, rows: 20_000 },
    labels: Float64Array.of(...old.labels, ...recent.labels),
  };
  let [child, anew]: (Booster | undefined)[] = [];
  const warm = cpuMs(() => {
    child = boost(recent, objective, { ...PARAMS, rounds: 20 }, parent).booster;
  });
  const full = cpuMs(() => {
    anew = boost(whole, objective, PARAMS).booster;
  });
  const lossOf = (booster: Booster) => meanLoss(TASKS[0]!, test, predict(booster, test.table));
  return [
    { name: "warm start: 20 rounds on the newest tenth", value: warm, unit: "ms CPU" },
    { name: "full training / warm start", value: full / warm, unit: "times" },
    {
      name: "after a change, loss: warm start / parent",
      value: lossOf(child!) / lossOf(parent),
      unit: "times",
    },
    {
      name: "after a change, loss: full training / parent",
      value: lossOf(anew!) / lossOf(parent),
      unit: "times",
    },
  ];
}

const SERIES = 32;
const HORIZON = 24;

/** A fleet of daily waves with noise, and what a model of it is trained with. */
function fleetRequest(modelParams: Record<string, number | boolean> = {}): TrainingRequest {
  const params = { context_length: 336, num_samples: 100, temperature: 1, model_params: modelParams };
  const series = Array.from({ length: SERIES }, (_, s) => ({
    entity: `s${s}`,
    values: Float64Array.from(
      { length: 700 },
      (_, t) => 10 + Math.sin((t / 12) * Math.PI) + uniform(SEEDS[0]!, s, t),
    ),
    endMs: 0,
  }));
  const grid = { stepMs: 3_600_000, calendar: "all" } as const;
  return { series, grid, horizon: HORIZON, seasonLength: 24, params, seed: 1, parent: null };
}

/** What choosing features adds to a training, and to those after it on the same data with other trees. */
async function selecting(): Promise<BenchResult[]> {
  const times: number[] = [];
  const all = { select_features: false };
  await gbdtFamily.train!(fleetRequest(all));
  const trainings: Record<string, number | boolean>[] = [all, {}, { leaves: 15 }];
  for (const params of trainings) {
    const before = process.cpuUsage();
    await gbdtFamily.train!(fleetRequest(params));
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  const names = ["all features", "features chosen", "features chosen before, other trees"];
  return names.map((name, i) => ({ name: `training of a fleet, ${name}`, value: times[i]!, unit: "ms CPU" }));
}

/** What a forecast of a fleet costs beside a bare run of its graph on the same rows. */
async function forecasting(): Promise<BenchResult[]> {
  const request = fleetRequest();
  const { series: fleet, grid, params } = request;
  const bundle = await gbdtFamily.train!(request);
  const family = await gbdtFamily.open(packBundle(bundle), {});
  const contexts = fleet.map((each) => Float32Array.from(each.values.subarray(-336)));
  const spec = { ...params, horizon: HORIZON, seed: 1, grid, series: fleet };
  const predictor = await openModel(bundle, "bench");
  const layout = parseLayout(Buffer.from(bundle.files.get("forecaster.json")!).toString(), "bench");
  let bareRun: () => Promise<unknown> = async () => {};
  const predict: typeof predictor.predict = (...args) => {
    bareRun = () => predictor.predict(...args);
    return bareRun() as Promise<Float32Array>;
  };
  await forecastRows({ predict }, layout, contexts, spec);
  const times: { bare: number[]; family: number[] } = { bare: [], family: [] };
  for (let round = 0; round < 40; round += 1) {
    const startedAt = performance.now();
    await bareRun();
    const between = performance.now();
    await family.predictQuantiles(contexts, spec);
    times.bare.push(between - startedAt);
    times.family.push(performance.now() - between);
  }
  await predictor.release();
  await family.release();
  const [bare, whole] = [quantile(times.bare, 0.5), quantile(times.family, 0.5)];
  return [
    {
      name: `family, ${SERIES} series x ${HORIZON} steps`,
      value: (1000 * SERIES) / whole,
      unit: "forecasts/s",
    },
    { name: "family / bare run on the same rows", value: whole / bare, unit: "times the time" },
  ];
}

export async function run(): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const task of TASKS) results.push(...(await compare(task, 10_000, SEEDS)));
  results.push(...(await compare(TASKS[0]!, 100_000, SEEDS.slice(0, 1))));
  return [...results, ...(await serving()), ...warmStart(), ...(await selecting()), ...(await forecasting())];
}

if (import.meta.main) console.table(await run());

import { describe, expect, it } from "vitest";
import { type Bundle, bundleFile, packBundle, readBundle } from "../bundle/bundle.ts";
import { ByteLru } from "../byte-lru.ts";
import type { TrainingRequest, TrainingSeries } from "../family.ts";
import { ModelMismatchError } from "../manifest.ts";
import type { ForecastSpec } from "../quantile-forecast.ts";
import { uniformAt } from "../random.ts";
import { tableOf } from "../tabular/table.ts";
import { gbdtFamily } from "./family.ts";
import { type SelectionRows, selectFeatures } from "./feature-selection.ts";
import { parseLayout } from "./forecaster.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 5);
const grid = { stepMs: HOUR, calendar: "all" } as const;

/** Labels that follow `informative` in place and `spread` in width, beside columns that tell nothing. */
function made(rows: number, seed = 1, from = 0): SelectionRows {
  const draw = (column: number, row: number) => uniformAt(seed * 100 + column, from + row) - 0.5;
  const column = (of: number) => Float64Array.from({ length: rows }, (_, row) => draw(of, row));
  const [informative, spread] = [column(1), column(2).map(Math.abs)];
  const idle = Array.from({ length: 12 }, (_, i) => [`idle_${i}`, column(10 + i)] as const);
  return {
    table: tableOf({
      step_ahead: column(4).map((_, row) => 1 + (row % 3)),
      ...Object.fromEntries(idle),
      informative,
      spread,
      constant: new Float64Array(rows),
      entity: column(40),
    }),
    labels: informative.map((value, row) => 4 * value + 12 * spread[row]! * draw(3, row)),
    cutoffTimes: Float64Array.from({ length: rows }, (_, row) => START + Math.floor((from + row) / 3) * HOUR),
  };
}

const setting = { grid, horizon: 3, seed: 1 };
const forgetful = () => new ByteLru<readonly string[] | null>(0);
const later = made(600, 1, 3000);
const ofNoise = (rows: SelectionRows) => ({
  ...rows,
  labels: rows.labels.map((_, row) => uniformAt(77, row)),
});

describe("features of gbdt, chosen before its parameters (B-TRN-3)", () => {
  it("are those that tell where a label lies and how far it spreads, and the two that stay", () => {
    const kept = selectFeatures(made(3000), later, setting, forgetful())!;
    const told = kept.filter((name) => !name.startsWith("idle"));
    expect(told).toEqual(["step_ahead", "informative", "spread", "entity"]);
    expect(kept.length).toBeLessThanOrEqual(5);
  });

  it("are mostly left aside where nothing tells anything", () => {
    const kept = selectFeatures(ofNoise(made(3000)), ofNoise(later), setting, forgetful())!;
    expect(kept).toContain("step_ahead");
    expect(kept).toContain("entity");
    expect(kept.length).toBeLessThanOrEqual(6);
  });

  it("are all of them where later rows tell that the choice has failed", () => {
    const rows = made(3000);
    const flat = (label: number, row: number) => (row < 2140 ? 0.1 * uniformAt(77, row) : label);
    // The last fold fits to no more than the first 2133 rows: what tells only later is left aside, and missed.
    const changed = { ...rows, labels: rows.labels.map(flat) };
    expect(selectFeatures(changed, later, setting, forgetful())).toEqual(rows.table.names);
    const asBefore = { ...later, labels: later.labels.map(flat) };
    const kept = selectFeatures(changed, asBefore, setting, forgetful())!;
    expect(kept.length).toBeLessThan(rows.table.names.length);
  });

  it.each<[string, number, number]>([
    ["few rows", 150, 3],
    ["a horizon that leaves the folds nothing to fit to", 3000, 900],
  ])("are all of them with %s", (_, rows, horizon) => {
    expect(selectFeatures(made(rows), later, { ...setting, horizon }, forgetful())).toBeNull();
  });

  it("are remembered, and are the same when they are not", () => {
    const memory = new ByteLru<readonly string[] | null>(10_000);
    const first = selectFeatures(made(900), later, setting, memory);
    expect(selectFeatures(made(900), later, setting, memory)).toBe(first);
    const anew = selectFeatures(made(900), later, setting, forgetful());
    expect(anew).not.toBe(first);
    expect(anew).toEqual(first);
  });

  it.each<[string, (rows: SelectionRows, later: SelectionRows) => void]>([
    ["a label", ({ labels }) => labels.fill(0, 100, 101)],
    ["a later label", (_, { labels }) => labels.fill(0, 100, 101)],
    ["a value", ({ table }) => table.columns[3]!.fill(9, 5, 6)],
    ["a time", ({ cutoffTimes }) => cutoffTimes.fill(cutoffTimes[0]! - HOUR, 0, 1)],
  ])("are chosen anew when %s is another", (_, change) => {
    const memory = new ByteLru<readonly string[] | null>(10_000);
    const first = selectFeatures(made(900), later, setting, memory);
    const [rows, newer] = [made(900), made(600, 1, 3000)];
    change(rows, newer);
    expect(selectFeatures(rows, newer, setting, memory)).not.toBe(first);
  });
});

/** A season whose days differ in height, so that the last one tells the next, under noise that nothing tells. */
function seasonal(steps: number): TrainingSeries {
  const values = Float64Array.from({ length: steps }, (_, t) => {
    const day = Math.floor(t / 24);
    const height = 1 + 0.8 * Math.sin(day / 5);
    return 50 + 10 * height * Math.sin((2 * Math.PI * t) / 24) + 2 * (uniformAt(1, t) - 0.5);
  });
  return { entity: null, values, endMs: START + (steps - 1) * HOUR };
}

function request(
  series: TrainingSeries,
  params = {},
  changes: Partial<TrainingRequest> = {},
): TrainingRequest {
  const model_params = { rounds: 40, learning_rate: 0.2, reference: "last", ...params };
  return {
    series: [series],
    grid,
    horizon: 6,
    seasonLength: 24,
    params: { context_length: 150, num_samples: 20, temperature: 1, model_params },
    seed: 3,
    parent: null,
    ...changes,
  };
}

const train = (...args: Parameters<typeof request>) => gbdtFamily.train!(request(...args));
const layoutOf = (bundle: Bundle) =>
  parseLayout(new TextDecoder().decode(bundleFile(bundle, "forecaster.json", "test")), "test");

async function forecast(bundle: Bundle, values: Float64Array) {
  const family = await gbdtFamily.open(packBundle(bundle), {});
  const spec = { horizon: 6, context_length: 150 } as ForecastSpec;
  const [predicted] = await family.predictQuantiles([Float32Array.from(values)], spec);
  await family.release();
  return predicted!;
}

/** Mean absolute error of the medians after each cutoff. */
async function errorOf(bundle: Bundle, { values }: TrainingSeries, cutoffs: readonly number[]) {
  let sum = 0;
  for (const cutoff of cutoffs) {
    const { values: predicted } = await forecast(bundle, values.slice(0, cutoff + 1));
    for (let h = 0; h < 6; h += 1) sum += Math.abs(predicted[h * 9 + 4]! - values[cutoff + 1 + h]!);
  }
  return sum / (6 * cutoffs.length);
}

describe("family gbdt with features that are chosen (B-TRN-3)", () => {
  const whole = seasonal(900);
  const known = { ...whole, values: whole.values.slice(0, 600), endMs: START + 599 * HOUR };
  const on = train(known, { select_features: true });
  const off = train(known, { select_features: false });

  it("keeps what a season tells, leaves features aside and says how many", async () => {
    const { info } = await on;
    const all = (await off).info.features!;
    expect(info.features!.some((name) => /^season_(last|mean|change)$/.test(name))).toBe(true);
    expect(info.features![0]).toBe("step_ahead");
    expect(info.features!.length).toBeLessThan(all.length);
    expect(info.metrics!.features_left_aside).toBe(all.length - info.features!.length);
    expect(layoutOf(await on).kept).toEqual(info.features);
  });

  it("is the same bundle again, byte for byte", async () => {
    const again = packBundle(await train(known, { select_features: true }));
    expect(Buffer.from(again).equals(packBundle(await on))).toBe(true);
  });

  it("takes every feature when told not to choose, and says nothing of it, as bundles before", async () => {
    const { info } = await off;
    expect(info.features).toContain("lag_8");
    expect(info.metrics).not.toHaveProperty("features_left_aside");
    expect(layoutOf(await off)).not.toHaveProperty("kept");
  });

  it("foretells days that it has not seen no worse than with all features", async () => {
    const cutoffs = Array.from({ length: 20 }, (_, i) => 600 + 13 * i);
    const [chosen, all] = [await errorOf(await on, whole, cutoffs), await errorOf(await off, whole, cutoffs)];
    expect(chosen).toBeLessThan(1.05 * all);
  });

  it("chooses the same whatever the trees' parameters are, as they are searched afterwards", async () => {
    const other = await train(known, { rounds: 10, leaves: 5, learning_rate: 0.05, row_share: 0.5 });
    expect(other.info.features).toEqual((await on).info.features);
  });

  it("keeps a parent's features when it goes on from it, whatever it is told (D-TRN-1)", async () => {
    for (const parent of [await on, await off]) {
      const kept = readBundle(packBundle(parent), "parent");
      for (const select_features of [true, false]) {
        const child = await train(whole, { select_features }, { parent: kept });
        expect(child.info.features).toEqual(parent.info.features);
        expect(layoutOf(child).kept).toEqual(layoutOf(parent).kept);
      }
    }
  });

  it("keeps all features of a series too short to choose by", async () => {
    const short = { ...whole, values: whole.values.slice(0, 60), endMs: START + 59 * HOUR };
    const [chosen, all] = [await train(short), await train(short, { select_features: false })];
    expect(chosen.info.features).toEqual(all.info.features);
  });

  it("refuses a layout that keeps a feature which is none", async () => {
    const layout = { ...layoutOf(await on), kept: ["step_ahead", "moon"] };
    const parsing = () => parseLayout(JSON.stringify(layout), "test");
    expect(parsing).toThrow(ModelMismatchError);
    expect(parsing).toThrow(/no feature 'moon'/);
  });
});

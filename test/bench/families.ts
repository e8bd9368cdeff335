/**
 * Every model family on real series, walk-forward: `node test/bench/families.ts` prints the tables of
 * docs/families.md, with `--write` it replaces them.
 */
import { join } from "node:path";
import { ROOT } from "../../shared/service.ts";
import { figureTable, writeFigures } from "./document.ts";
import { type DataSet, dataSets } from "./families/data.ts";
import {
  cutoffsOf,
  type FailedFamily,
  type FamilyResult,
  type Figures,
  figuresOf,
  measurable,
  measure,
  ratioError,
} from "./families/measure.ts";
import type { BenchResult } from "./result.ts";

const DOCUMENT = join(ROOT, "docs/families.md");
const REFERENCE = "seasonal-naive";

interface Section {
  readonly set: DataSet;
  readonly results: readonly FamilyResult[];
  readonly failed: readonly FailedFamily[];
}

async function measureAll(): Promise<Section[]> {
  const { sets, skipped } = await dataSets();
  if (skipped !== undefined) console.log(`  other series skipped: ${skipped}`);
  const sections: Section[] = [];
  for (const set of sets) {
    const results: FamilyResult[] = [];
    const failed: FailedFamily[] = [];
    for (const family of await measurable()) {
      const result = await measure(family, set);
      if ("failed" in result) failed.push(result);
      else results.push(result);
    }
    sections.push({ set, results, failed });
  }
  return sections;
}

function referenceOf({ results }: Section): FamilyResult {
  const reference = results.find(({ family }) => family === REFERENCE);
  if (reference === undefined)
    throw new Error(`family '${REFERENCE}', which the others are measured by, failed`);
  return reference;
}

/** Every family's loss relative to seasonal naive, for the terminal. */
export async function run(): Promise<BenchResult[]> {
  return (await measureAll()).flatMap((section) => {
    const reference = referenceOf(section);
    return section.results.map((result) => ({
      name: `${section.set.title}: ${result.family}, weighted quantile loss against ${REFERENCE}`,
      value: figuresOf(result, reference, section.set).relativeWql,
      unit: "x",
    }));
  });
}

function markdown(section: Section): string {
  const { set, results, failed } = section;
  const reference = referenceOf(section);
  const rows = results
    .map((result) => ({ result, figures: figuresOf(result, reference, set) }))
    .sort((a, b) => a.figures.relativeWql - b.figures.relativeWql);
  const cutoffs = cutoffsOf(set).length;
  const facts = [
    `${count(set.series.length, "series", "series")}, ${set.series[0]!.values.length} steps`,
    `horizon ${set.horizon}, context ${set.contextLength}, season ${set.seasonLength === 1 ? "none" : set.seasonLength}`,
    `${cutoffs} cutoffs`,
  ].join("; ");
  const table = figureTable(
    ["family", "MASE", "against naive", "WQL", "against naive", "±", "ms a forecast", "training s"],
    rows.map(({ result, figures }) => cells(result, figures, ratioError(result, reference, set))),
  );
  const parts = [`### ${set.title}`, `${facts}. ${set.note}`.trim(), table, picked(section)];
  parts.push(...results.flatMap(({ weights }) => weights ?? []));
  for (const { family, failed: reason } of failed) parts.push(`\`${family}\` failed: ${reason}`);
  return parts.join("\n\n");
}

function cells(
  { family, msPerForecast, trainingMs }: FamilyResult,
  figures: Figures,
  error: number,
): string[] {
  const { mase, relativeMase, wql, relativeWql } = figures;
  return [
    family,
    ...[mase, relativeMase].map((figure) => figure.toFixed(3)),
    ...[wql.toPrecision(3), relativeWql.toFixed(3), error.toFixed(3)],
    msPerForecast < 10 ? msPerForecast.toFixed(2) : msPerForecast.toFixed(0),
    trainingMs === null ? "-" : (trainingMs / 1000).toFixed(1),
  ];
}

/** What a choice by the first half of the cutoffs is worth on the second. */
function picked(section: Section): string {
  const { set, results } = section;
  const reference = referenceOf(section);
  const middle = Math.floor(reference.errors.length / 2);
  const best = (from: number, to: number) =>
    results
      .map((result) => ({
        family: result.family,
        loss: figuresOf(result, reference, set, from, to).relativeWql,
      }))
      .sort((a, b) => a.loss - b.loss);
  const choice = best(0, middle)[0]!.family;
  const later = best(middle, reference.errors.length);
  const place = later.findIndex(({ family }) => family === choice);
  return [
    `Chosen by WQL on the first ${middle} cutoffs: \`${choice}\`. On the other ${reference.errors.length - middle} it has`,
    `${later[place]!.loss.toFixed(3)} of ${REFERENCE}'s WQL, place ${place + 1} of ${later.length}; the best there,`,
    `\`${later[0]!.family}\`, has ${later[0]!.loss.toFixed(3)}.`,
  ].join(" ");
}

function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

if (import.meta.main) {
  const text = (await measureAll()).map(markdown).join("\n\n");
  if (process.argv.includes("--write")) await writeFigures(DOCUMENT, text);
  else console.log(text);
}

import { averageRunLength } from "../../../shared/statistics/alarms.ts";
import { figureTable } from "../document.ts";
import type { Kind } from "./data.ts";
import { type Figures, medianDelay, perBudget } from "./measure.ts";

export interface Row {
  readonly name: string;
  readonly figures: Figures;
}

export interface Section {
  readonly kind: Kind;
  readonly rows: readonly Row[];
}

/** One Markdown table a kind of series. */
export function markdown(sections: readonly Section[]): string {
  return sections.map(sectionTable).join("\n\n");
}

interface Column {
  readonly head: string;
  readonly cell: (figures: Figures) => string;
}

const QUIET: readonly Column[] = [
  { head: "false alarms (budget 1)", cell: (f) => perBudget(f.falseAlarms, f).toFixed(2) },
  { head: "run length", cell: runLength },
  { head: "shift found", cell: (f) => share(f.shiftsFound, f.streams) },
  { head: "delay", cell: (f) => medianDelay(f)?.toFixed(2) ?? "-" },
  { head: "spread found", cell: (f) => share(f.spreadsFound, f.streams) },
];
const ORDERED: readonly Column[] = [
  { head: "alarms in order of time", cell: (f) => perBudget(f.alarms, f).toFixed(2) },
];
const LABELLED: readonly Column[] = [
  { head: "labels found", cell: (f) => `${f.labelsFound} of ${f.labels}` },
  { head: "alarms without label", cell: (f) => perBudget(f.unexplained, f).toFixed(2) },
];

function sectionTable({ kind, rows }: Section): string {
  const columns = [...(kind.short ? [] : QUIET), ...ORDERED, ...(kind.labelled ? LABELLED : [])];
  const streams = kind.streams.length;
  const lines = rows.map(({ name, figures }) => [
    figures.streams === streams ? name : `${name} (${figures.streams} of ${streams})`,
    ...columns.map(({ cell }) => (figures.streams === 0 ? "-" : cell(figures))),
  ]);
  const evaluations = rows[0]?.figures.evaluations ?? 0;
  const title = `### ${kind.title}\n\n${streams} series, ${evaluations.toLocaleString("en")} evaluations.`;
  return `${title}\n\n${figureTable(["detector", ...columns.map(({ head }) => head)], lines)}`;
}

/** Evaluations from one false alarm to the next. */
function runLength(figures: Figures): string {
  const length = averageRunLength(figures.evaluations, figures.falseAlarms);
  return length === null ? `> ${figures.evaluations}` : length.toFixed(0);
}

function share(found: number, of: number): string {
  return `${((100 * found) / of).toFixed(0)} %`;
}

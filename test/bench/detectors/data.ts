import { missingSeries, pooled, readRows, readSeries } from "../public-series.ts";
import { type Label, type Stream, streamOf } from "./streams.ts";

/** Series of one kind: they are prepared alike and reported in one line. */
export interface Kind {
  readonly title: string;
  readonly streams: readonly Stream[];
  /** whether labels say where something happened */
  readonly labelled: boolean;
  /** whether series are too short to set thresholds from their past and to draw series without change from them */
  readonly short: boolean;
}

/** Steps of the 5-minute series that are averaged to one. */
const POOLED = 3;
const DAY = 288 / POOLED;
const VM_COUNT = 12;
/** Annotators who must agree on a change point, within so many steps. */
const AGREE = { annotators: 2, steps: 5 } as const;

/** Steps of an annotated series, so that both windows fit into its past: unemployment_nl is too short. */
const LEAST_ANNOTATED = 250;

/** The public series beside the repository; a reason where they are not there. */
export function kindsOfSeries(): readonly Kind[] | string {
  return missingSeries() ?? [exchangeRates(), services(), machines(), nab(), annotated()];
}

/** Changes of the logarithm, on the days that have a rate; no season. */
function exchangeRates(): Kind {
  const rates = [
    ...readSeries("fx_ecb_5ccy_1999_2024"),
    ...readSeries("fx_usdclp_currfx_1994_2016"),
    ...readSeries("fx_usdclp_observado_2020_2024").filter(({ name }) => name.startsWith("USDCLP")),
  ];
  const streams = rates.map(({ name, values }) =>
    streamOf(
      name,
      values.slice(1).map((value, t) => Math.log(value / values[t]!)),
      1,
      [],
    ),
  );
  return { title: "exchange rates, daily changes", streams, labelled: false, short: false };
}

/** Quarter-hour means of metric m00, a daily season; labels are incidents, and a fall to a twentieth that lasts. */
function services(): Kind {
  const incidents = readRows("fleet_services_labels.csv", false);
  const minutes = (ts: string) => (Date.parse(ts) - Date.parse("2001-01-01T00:00:00Z")) / 60_000;
  const fall = minutes("2001-01-20T20:20:00Z") / (5 * POOLED);
  const fallen = ["d2-s00", "d2-s01", "d2-s03", "d2-s07", "d3-s00", "d3-s01", "d3-s02", "d3-s03"];
  const streams = readSeries("fleet_services_12x7_days01_31")
    .filter(({ name }) => name.endsWith("/m00"))
    .map(({ name, values }) => {
      const entity = name.split("/")[0]!;
      const labels = incidents
        .filter((row) => row[0] === entity)
        .map((row) => labelBetween(minutes(row[1]!) / (5 * POOLED), minutes(row[2]!) / (5 * POOLED)));
      if (fallen.includes(entity)) labels.push({ ...labelBetween(fall, fall + DAY), lasting: true });
      return streamOf(name, pooled(values, POOLED), DAY, labels);
    });
  return { title: "services, 15 min", streams, labelled: true, short: false };
}

/** Machines that were there on all six days, every 5 minutes; days lie apart and are strung together. */
function machines(): Kind {
  const streams = readSeries("fleet_planetlab_250vm_6days")
    .filter(({ values }) => values.length === 6 * 288)
    .slice(0, VM_COUNT)
    .map(({ name, values }) => streamOf(name, values, 1, []));
  return { title: "virtual machines, 5 min", streams, labelled: false, short: false };
}

/** Quarter-hour means (one series is hourly), a daily season; labels are NAB's windows around what went wrong. */
function nab(): Kind {
  const windows = readRows("nab_9series_labels.csv", false).filter((row) => row[1] === "window");
  const streams = readSeries("nab_9series").map(({ name, values, times }) => {
    const series = name.split("/")[0]!;
    const hourly = series.startsWith("ambient");
    const at = (ts: string) => {
      const step = times.findIndex((time) => time >= ts);
      return (step < 0 ? times.length : step) / (hourly ? 1 : POOLED);
    };
    const labels = windows
      .filter((row) => row[0] === series)
      .map((row) => labelBetween(at(row[2]!), at(row[3]!)));
    return streamOf(name, hourly ? values : pooled(values, POOLED), hourly ? 24 : DAY, labels);
  });
  return { title: "NAB, 15 min and hourly", streams, labelled: true, short: false };
}

/** Short series as they are; a change point is one that two people or more marked. */
function annotated(): Kind {
  const marks = readRows("changepoint_tcpd_annotations.csv", false).filter((row) => row[2] !== "");
  const streams = readSeries("changepoint_tcpd_7series").flatMap(({ name, values }) => {
    if (values.length < LEAST_ANNOTATED) return [];
    const ours = marks
      .filter((row) => row[0] === name.split("/")[0])
      .map((row) => [row[1]!, Number(row[2])] as const);
    return [
      streamOf(
        name,
        values,
        1,
        agreed(ours).map((at) => labelBetween(at, at + AGREE.steps)),
      ),
    ];
  });
  return { title: "annotated change points", streams, labelled: true, short: true };
}

/** The first of each group of marks by different people who agree. */
function agreed(marks: readonly (readonly [annotator: string, index: number])[]): number[] {
  const found: number[] = [];
  for (const [, index] of marks.toSorted((a, b) => a[1] - b[1])) {
    const near = marks.filter(([, other]) => other >= index && other <= index + AGREE.steps);
    const people = new Set(near.map(([annotator]) => annotator)).size;
    if (people >= AGREE.annotators && index > (found.at(-1) ?? Number.NEGATIVE_INFINITY) + AGREE.steps)
      found.push(index);
  }
  return found;
}

function labelBetween(from: number, to: number): Label {
  return { from: Math.floor(from), to: Math.ceil(to) };
}

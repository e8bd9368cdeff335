import { readRates } from "../../../services/console/demo/rates.ts";
import { durationMs } from "../../../shared/contracts/duration.ts";
import { isWeekend } from "../../../shared/forecasting/context.ts";
import type { StepGrid } from "../../../shared/forecasting/quantile-forecast.ts";
import { missingSeries, pooled, readSeries } from "../public-series.ts";

/** Series on one grid that are forecast together. */
export interface DataSet {
  readonly title: string;
  /** what a reader has to know to read its figures */
  readonly note: string;
  /** equally long, NaN for missing */
  readonly series: readonly { readonly entity: string; readonly values: Float64Array }[];
  readonly grid: StepGrid;
  readonly endMs: number;
  /** steps, 1 for none */
  readonly seasonLength: number;
  /** steps */
  readonly horizon: number;
  readonly contextLength: number;
  /** steps between cutoffs */
  readonly stepSize: number;
}

const DAY = durationMs("1d");
const HOUR = durationMs("1h");
const WEEKDAYS = { stepMs: DAY, calendar: "weekdays" } as const;
/** Three working weeks ahead from about nine months. */
const DAILY = { grid: WEEKDAYS, seasonLength: 1, horizon: 15, contextLength: 180, stepSize: 15 };

/** Data sets that can be read here, and a reason where some cannot. */
export async function dataSets(): Promise<{ sets: DataSet[]; skipped: string | undefined }> {
  const skipped = missingSeries();
  const beside = skipped === undefined ? [ecbRates(), observedRate(), services(), machines()] : [];
  return { sets: [await demoRates(), ...beside], skipped };
}

/** The rates that come with the repository. */
async function demoRates(): Promise<DataSet> {
  const rates = await readRates();
  const series = {
    name: "EURUSD",
    times: rates.map(({ ts }) => ts),
    values: rates.map(({ rate }) => rate),
  };
  return daily("EUR/USD, the demo's file (ECB)", "No season, so seasonal naive is the last value.", [series]);
}

function ecbRates(): DataSet {
  const rates = readSeries("fx_ecb_5ccy_1999_2024").map(({ name, values, times }) => {
    const first = times.findIndex((time) => time >= "2015");
    return { name: name.split("/")[0]!, values: values.slice(first), times: times.slice(first) };
  });
  return daily(
    "five currencies to the euro since 2015 (ECB)",
    "Forecast together where a family can.",
    rates,
  );
}

function observedRate(): DataSet {
  const rates = readSeries("fx_usdclp_observado_2020_2024").filter(({ name }) => name.startsWith("USDCLP"));
  return daily("Chilean pesos to the US dollar, 2020 to 2024 (Banco Central de Chile)", "", rates);
}

/** Hourly means of a metric that follows load. */
function services(): DataSet {
  const all = readSeries("fleet_services_12x7_days01_31").filter(({ name }) => name.endsWith("/m06"));
  return {
    title: "load of 12 services, hourly",
    note: "A daily season; one fleet, so that trained families have one model for all.",
    series: all.map(({ name, values }) => ({
      entity: name.split("/")[0]!,
      values: Float64Array.from(pooled(values, 12)),
    })),
    grid: { stepMs: HOUR, calendar: "all" },
    endMs: Date.parse(all[0]!.times.at(-1)!),
    ...{ seasonLength: 24, horizon: 24, contextLength: 168, stepSize: 12 },
  };
}

/** Machines that were there on all six days; the days lie apart and are strung together. */
function machines(): DataSet {
  const all = readSeries("fleet_planetlab_250vm_6days").filter(({ values }) => values.length === 6 * 288);
  return {
    title: "CPU of virtual machines, 15 min",
    note: "Six days that lie apart, strung together: hardly a season, and breaks between days.",
    series: all.slice(0, 12).map(({ name, values }) => ({
      entity: name.split("/")[0]!,
      values: Float64Array.from(pooled(values, 3)),
    })),
    grid: { stepMs: HOUR / 4, calendar: "all" },
    endMs: Date.parse(all[0]!.times.at(-1)!),
    ...{ seasonLength: 96, horizon: 24, contextLength: 288, stepSize: 12 },
  };
}

/** Rates on every weekday from the first to the last one of any series; NaN on holidays and before a series begins. */
function daily(
  title: string,
  note: string,
  rates: readonly {
    readonly name: string;
    readonly values: readonly number[];
    readonly times: readonly string[];
  }[],
): DataSet {
  const dayOf = (time: string) => Math.floor(Date.parse(time) / DAY) * DAY;
  const days = rates.map(({ times }) => times.map(dayOf));
  const first = Math.min(...days.map((each) => each[0]!));
  const endMs = Math.max(...days.map((each) => each.at(-1)!));
  const grid: number[] = [];
  for (let at = first; at <= endMs; at += DAY) if (!isWeekend(at)) grid.push(at);
  const series = rates.map(({ name, values }, r) => {
    const byDay = new Map(days[r]!.map((day, t) => [day, values[t]!]));
    return { entity: name, values: Float64Array.from(grid, (day) => byDay.get(day) ?? Number.NaN) };
  });
  return { title, note, series, endMs, ...DAILY };
}

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { ChartView } from "../../projection/view.ts";
import { figure } from "../../words/format.ts";
import { type ChartColumns, chartColumns } from "./chart-data.ts";

const HEIGHT = 168;
const DARK = matchMedia("(prefers-color-scheme: dark)");

interface Hover {
  readonly day: string;
  readonly truth: string | null;
  readonly forecast: string | null;
}

/** Observations as a line, the newest forecast as mean and 95 % band, what was one step ahead as a thin line. */
export function Chart({ chart, label }: { chart: ChartView; label: string }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  const dark = useDark();
  const columns = chartColumns(chart);
  const empty = columns[0].length < 2;

  useEffect(() => {
    const element = place.current;
    if (element === null || empty) return;
    const made = new uPlot(options(element, setHover), columns, element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [dark, empty]);

  useEffect(() => {
    plot.current?.setData(columns);
  }, [chart]);

  return (
    <figure class="chart" aria-label={label}>
      {empty ? <div class="chart-empty">no observations yet</div> : <div ref={place} />}
      <figcaption>
        {hover === null ? (
          <>
            <span class="key truth">observed</span>
            <span class="key mean">forecast, 95 % band</span>
            <span class="key one-step">one step ahead</span>
          </>
        ) : (
          <>
            <span>{hover.day}</span>
            {hover.truth !== null && <span>observed {hover.truth}</span>}
            {hover.forecast !== null && <span>forecast {hover.forecast}</span>}
          </>
        )}
      </figcaption>
    </figure>
  );
}

function useDark(): boolean {
  const [dark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const changed = () => setDark(DARK.matches);
    DARK.addEventListener("change", changed);
    return () => DARK.removeEventListener("change", changed);
  }, []);
  return dark;
}

function options(element: HTMLElement, setHover: (hover: Hover | null) => void): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--muted"), font: "11px system-ui, sans-serif", ticks: { show: false } };
  const plain = { points: { show: false }, spanGaps: true };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    padding: [8, 6, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { x: { time: true } },
    axes: [
      { ...axis, grid: { show: false }, size: 24, space: 70, values: (_, ticks) => ticks.map(dayWords) },
      {
        ...axis,
        grid: { stroke: colour("--line"), width: 1 },
        size: 52,
        space: 34,
        values: (_, ticks) => ticks.map((tick) => figure(tick, 5)),
      },
    ],
    series: [
      {},
      { ...plain, stroke: colour("--truth"), width: 1.6 },
      { ...plain, stroke: colour("--one-step"), width: 1.2 },
      { ...plain, stroke: colour("--mean"), width: 2 },
      { ...plain, width: 0 },
      { ...plain, width: 0 },
    ],
    bands: [{ series: [5, 4], fill: colour("--band") }],
    hooks: { setCursor: [(plot) => setHover(hoverAt(plot))] },
  };
}

/** "3 Feb", "Mar" on the first of a month, "2026" on the first day of a year; the first tick says its year, too. */
function dayWords(seconds: number, index: number): string {
  const day = new Date(seconds * 1000);
  const month = day.toLocaleDateString("en-GB", { month: "short", timeZone: "UTC" });
  const first = day.getUTCDate() === 1;
  if (first && day.getUTCMonth() === 0) return String(day.getUTCFullYear());
  const words = first ? month : `${day.getUTCDate()} ${month}`;
  return index === 0 ? `${words} ${day.getUTCFullYear()}` : words;
}

function hoverAt(plot: uPlot): Hover | null {
  const at = plot.cursor.idx;
  if (at === null || at === undefined) return null;
  const [x, truth, , mean, lower, upper] = plot.data as unknown as ChartColumns;
  const time = x[at];
  if (time === undefined) return null;
  const seen = truth[at] ?? null;
  const expected = mean[at] ?? null;
  const range =
    lower[at] == null || lower[at] === upper[at] ? "" : ` (${figure(lower[at])} to ${figure(upper[at])})`;
  return {
    day: new Date(time * 1000).toISOString().slice(0, 10),
    truth: seen === null ? null : figure(seen, 5),
    forecast: expected === null || seen !== null ? null : `${figure(expected, 5)}${range}`,
  };
}

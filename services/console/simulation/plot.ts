/** A line of a plot: [ms since the epoch, value], ascending. */
export interface Line {
  readonly name: string;
  readonly colour: string; // a CSS colour or variable
  readonly points: readonly (readonly [number, number])[];
}

/** One row of marks below the lines. */
export interface Track {
  readonly name: string;
  readonly marks: readonly { readonly ms: number; readonly title: string; readonly tone: string }[];
  /** From here on nothing was observed; hatched. */
  readonly unknownFrom: number | null;
}

const WIDTH = 920;
const LEFT = 96;
const RIGHT = 12;
const LINES_HEIGHT = 190;
const TRACK_HEIGHT = 24;
const TICKS = 4;

/** Text as it may stand in HTML and in attributes. */
export function escaped(text: string): string {
  const names: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => names[character]!);
}

/**
 * Lines over time with tracks of marks below, as one SVG that needs no script. Values start at 0: errors are
 * compared by their size.
 */
export function timePlot(lines: readonly Line[], tracks: readonly Track[], unit: string): string {
  const times = [
    ...lines.flatMap(({ points }) => points.map(([ms]) => ms)),
    ...tracks.flatMap(({ marks }) => marks.map(({ ms }) => ms)),
  ];
  if (times.length === 0) return `<p class="muted">Nothing to plot.</p>`;
  const [from, to] = extent(times);
  const top = niceCeiling(Math.max(0, ...lines.flatMap(({ points }) => points.map(([, value]) => value))));
  const x = (ms: number) => LEFT + ((ms - from) / Math.max(1, to - from)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => 12 + (1 - value / top) * (LINES_HEIGHT - 24);
  const height = LINES_HEIGHT + tracks.length * TRACK_HEIGHT + 24;
  const label = `error per day of ${lines.map(({ name }) => name).join(", ")}; runs of ${tracks.map(({ name }) => name).join(", ")}`;
  return [
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(label)}">`,
    `<defs><pattern id="unknown" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" class="hatch"/></pattern></defs>`,
    ...valueAxis(top, y, unit),
    ...lines.map((line) => path(line, x, y)),
    ...tracks.flatMap((track, i) => trackMarks(track, x, LINES_HEIGHT + i * TRACK_HEIGHT, to)),
    ...timeAxis(from, to, x, height - 6),
    "</svg>",
  ].join("\n");
}

function valueAxis(top: number, y: (value: number) => number, unit: string): string[] {
  return Array.from({ length: TICKS + 1 }, (_, i) => (top * i) / TICKS).flatMap((value, i) => [
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}"/>`,
    `<text class="axis" text-anchor="end" x="${LEFT - 8}" y="${(y(value) + 4).toFixed(1)}">${Number(value.toPrecision(3))}</text>`,
    ...(i === TICKS
      ? [`<text class="axis" x="${LEFT + 6}" y="${(y(value) - 3).toFixed(1)}">${escaped(unit)}</text>`]
      : []),
  ]);
}

function timeAxis(from: number, to: number, x: (ms: number) => number, y: number): string[] {
  return Array.from({ length: TICKS + 1 }, (_, i) => from + ((to - from) * i) / TICKS).map((ms, i) => {
    const anchor = i === 0 ? "start" : i === TICKS ? "end" : "middle";
    return `<text class="axis" text-anchor="${anchor}" x="${x(ms).toFixed(1)}" y="${y}">${new Date(ms).toISOString().slice(0, 10)}</text>`;
  });
}

function path(
  { name, colour, points }: Line,
  x: (ms: number) => number,
  y: (value: number) => number,
): string {
  const d = points.map(
    ([ms, value], i) => `${i === 0 ? "M" : "L"}${x(ms).toFixed(1)} ${y(value).toFixed(1)}`,
  );
  return `<path class="line" style="stroke:${colour}" d="${d.join("")}"><title>${escaped(name)}</title></path>`;
}

function trackMarks(track: Track, x: (ms: number) => number, y: number, to: number): string[] {
  const middle = y + TRACK_HEIGHT / 2;
  const { unknownFrom } = track;
  const unknown =
    unknownFrom === null
      ? []
      : [
          `<rect fill="url(#unknown)" x="${x(unknownFrom).toFixed(1)}" y="${y + 3}" width="${Math.max(0, x(to) - x(unknownFrom)).toFixed(1)}" height="${TRACK_HEIGHT - 6}"><title>not observed from here on</title></rect>`,
        ];
  return [
    ...unknown,
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${middle}" y2="${middle}"/>`,
    `<text class="axis" text-anchor="end" x="${LEFT - 8}" y="${middle + 4}">${escaped(track.name)}</text>`,
    ...track.marks.map(
      ({ ms, title, tone }) =>
        `<circle class="${tone}" cx="${x(ms).toFixed(1)}" cy="${middle}" r="4.5"><title>${escaped(title)}</title></circle>`,
    ),
  ];
}

function extent(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([least, most], each) => [Math.min(least, each), Math.max(most, each)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** The least of 1, 2, 5 times a power of ten that is not below `value`; 1 for nothing. */
function niceCeiling(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= value) ?? value;
}

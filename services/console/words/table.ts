export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

const GAP = 2;
const LEAST_LAST = 24;

/**
 * A text table without lines: the columns as wide as their cells, the last one wrapped to what `width` leaves.
 * Where less than 24 characters are left for the last column, it goes on lines of its own, indented.
 *
 * @param width of the terminal in characters; Infinity never wraps
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const last = columns.length - 1;
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map((row) => (row[i] ?? "").length)),
  );
  const used = widths.slice(0, last).reduce((sum, each) => sum + each + GAP, 0);
  const below = width - used < LEAST_LAST && width - used < widths[last]!;
  const indent = below ? 4 : used;
  const line = (cells: readonly string[]): string => {
    const head = cells
      .slice(0, last)
      .map(
        (cell, i) =>
          (columns[i]!.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)) + " ".repeat(GAP),
      )
      .join("");
    const tail = wrap(cells[last] ?? "", width - indent);
    const first = below
      ? [head.trimEnd(), ...tail.map((each) => " ".repeat(indent) + each)]
      : [head + (tail[0] ?? "")];
    const rest = below ? [] : tail.slice(1).map((each) => " ".repeat(indent) + each);
    return [...first, ...rest].map((each) => each.trimEnd()).join("\n");
  };
  return [columns.map((column) => column.title), ...rows].map(line).join("\n");
}

/** Breaks a text at spaces; a word longer than `width` is cut. At least one line. */
export function wrap(text: string, width: number): string[] {
  if (text.length <= width || !Number.isFinite(width)) return [text];
  const room = Math.max(8, width);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    let rest = word;
    while (rest.length > room) {
      if (line !== "") {
        lines.push(line);
        line = "";
      }
      lines.push(rest.slice(0, room));
      rest = rest.slice(room);
    }
    if (line === "") line = rest;
    else if (line.length + 1 + rest.length <= room) line += ` ${rest}`;
    else {
      lines.push(line);
      line = rest;
    }
  }
  if (line !== "" || lines.length === 0) lines.push(line);
  return lines;
}

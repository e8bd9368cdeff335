import { readFile, writeFile } from "node:fs/promises";

const [BEGIN, END] = ["<!-- figures: begin -->", "<!-- figures: end -->"];

/**
 * Replaces what lies between the marks for figures in a page of the documentation.
 *
 * @throws {Error} naming the page when it has no marks
 */
export async function writeFigures(path: string, markdown: string): Promise<void> {
  const [head, rest] = (await readFile(path, "utf8")).split(BEGIN);
  const tail = rest?.split(END)[1];
  if (tail === undefined) throw new Error(`'${path}' has no '${BEGIN}' … '${END}'`);
  await writeFile(path, `${head}${BEGIN}\n\n${markdown}\n\n${END}${tail}`);
}

/** A Markdown table that can be read as it is: the first column to the left, figures to the right. */
export function figureTable(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = heads.map((head, c) => Math.max(3, head.length, ...lines.map((line) => line[c]!.length)));
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join(" | ")} |`;
  const rule = widths.map((width, c) => (c === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [row(heads), `| ${rule.join(" | ")} |`, ...lines.map(row)].join("\n");
}

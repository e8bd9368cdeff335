import { stripVTControlCharacters } from "node:util";
import type { Terminal } from "./terminal.ts";

/**
 * A few lines at the bottom of a terminal that are rewritten in place, with a log growing above them. Where
 * the output is no terminal only the log is written.
 */
export class LiveArea {
  private lines: readonly string[] = [];
  private readonly terminal: Terminal;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  log(text: string): void {
    const kept = this.lines;
    this.erase();
    this.terminal.out(text);
    this.draw(kept);
  }

  show(lines: readonly string[]): void {
    if (lines.join("\n") === this.lines.join("\n")) return;
    this.erase();
    this.draw(lines);
  }

  private draw(lines: readonly string[]): void {
    const { interactive, columns } = this.terminal;
    if (!interactive) return;
    // A line that wraps would make the count of lines to erase wrong.
    this.lines = lines.map((line) =>
      stripVTControlCharacters(line).length < columns ? line : line.slice(0, columns - 1),
    );
    if (lines.length > 0) this.terminal.raw(`${this.lines.join("\n")}\n`);
  }

  private erase(): void {
    if (this.terminal.interactive && this.lines.length > 0)
      this.terminal.raw(`\u001b[${this.lines.length}A\u001b[J`);
    this.lines = [];
  }
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InvalidInputError } from "../../../shared/errors.ts";

export interface Rate {
  readonly ts: string; // midnight UTC of the day
  readonly rate: number; // US dollars per euro
}

/**
 * Daily EUR/USD reference rates of the European Central Bank, oldest first. See NOTICE.md.
 *
 * @throws {InvalidInputError} naming the line that is not `date,rate`
 */
export async function readRates(path = join(import.meta.dirname, "ecb-eurusd.csv")): Promise<Rate[]> {
  const [, ...lines] = (await readFile(path, "utf8")).trimEnd().split("\n");
  return lines.map((line, i) => {
    const match = /^(\d{4}-\d{2}-\d{2}),(\d+(?:\.\d+)?)$/.exec(line);
    if (match === null) throw new InvalidInputError(`${path}:${i + 2}: '${line}' is no date and rate`);
    return { ts: `${match[1]}T00:00:00Z`, rate: Number(match[2]) };
  });
}

import type { RunSummary } from "../../shared/contracts/run.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { shortRun } from "./words/format.ts";

type Known = Pick<RunSummary, "run_id" | "forecaster" | "state" | "started_at">;

/**
 * The run that `asked` names: a whole id, its beginning, or its end, which is what the page and `history` show.
 *
 * @throws {InvalidInputError} none or several match; the message lists the nearest, the candidates, or the latest runs
 *   of the forecaster that `asked` names
 */
export function findRun<R extends Known>(runs: readonly R[], asked: string): R {
  const wanted = asked.toLowerCase();
  const exact = runs.find((run) => run.run_id === wanted);
  if (exact !== undefined) return exact;
  const matches =
    wanted.length === 0
      ? []
      : runs.filter(({ run_id }) => run_id.startsWith(wanted) || run_id.endsWith(wanted));
  if (matches.length === 1) return matches[0]!;
  if (matches.length > 1) {
    throw new InvalidInputError(
      `'${asked}' is the beginning or end of ${matches.length} runs:\n${rows(matches.slice(-8))}`,
    );
  }
  if (runs.length === 0) throw new InvalidInputError(`no run is called '${asked}': there is no run yet`);
  const its = runs.filter(({ forecaster }) => forecaster === asked);
  if (its.length > 0)
    throw new InvalidInputError(`'${asked}' is a forecaster. Its latest runs:\n${rows(its.slice(-5))}`);
  throw new InvalidInputError(`no run is called '${asked}'. Near it:\n${rows(nearest(runs, wanted))}`);
}

/** The three runs whose beginning or end has most in common with `wanted`, newest first among equals. */
export function nearest<R extends Known>(runs: readonly R[], wanted: string): R[] {
  const likeness = ({ run_id }: R) =>
    Math.max(common(run_id, wanted), common(reversed(run_id), reversed(wanted)));
  return runs
    .toReversed()
    .toSorted((a, b) => likeness(b) - likeness(a))
    .slice(0, 3);
}

function common(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}

function reversed(text: string): string {
  return [...text].reverse().join("");
}

function rows(runs: readonly Known[]): string {
  return runs
    .map((run) => `  ${run.run_id}  ${shortRun(run.run_id)}  ${run.forecaster}  ${run.state}`)
    .join("\n");
}

import type { FleetStatus } from "../../../shared/contracts/fleet-monitor.ts";
import { count, figure, list, moment, percent, printable } from "./format.ts";
import { table } from "./table.ts";

const MOST_NAMES = 5;

const OUTAGES: Record<NonNullable<FleetStatus["outage"]>["reason"], string> = {
  feed: "nothing comes of this series",
  telemetry: "nothing comes of any series",
  fleet: "most of the fleet fell silent at once",
};

/** A line for each series: its entities, how far they are from what the models know, and how sure that is. */
export function fleetTable(rows: readonly FleetStatus[], columns: number): string {
  const titles = ["SERIES", "AS OF", "ACTIVE", "KNOWN", "NEW", "SUNSET", "COVERED", "DRIFT", "UNKNOWN"];
  return table(
    titles.map((title, i) => ({ title, right: i > 1 && i < 7 })),
    rows.map((row) => [
      printable(row.series),
      row.as_of === null ? "-" : moment(row.as_of).slice(0, 16),
      figure(row.active_total),
      figure(row.known),
      figure(row.new_total),
      figure(row.sunset_total),
      percent(row.coverage),
      row.drift === null ? "n/a" : `${percent(row.drift)} (${row.tier})`,
      unknownText(row),
    ]),
    columns,
  );
}

/** Clauses about one series that a table has no room for: outage, new, silent and uncovered entities, renames. */
export function fleetTexts(row: FleetStatus): string[] {
  const { outage, renames, renamed } = row;
  const silent = row.silent.map(
    ({ entity, days }) => `${printable(entity)} (${count(Math.floor(days), "day")})`,
  );
  return [
    ...(outage === null ? [] : [`outage since ${moment(outage.since)}: ${OUTAGES[outage.reason]}`]),
    ...named("new", row.new.map(printable), row.new_total),
    ...named("silent", silent, row.silent_total),
    ...named("not covered by a prediction", row.uncovered.map(printable), row.uncovered_total),
    ...named(
      "called by a new name",
      renamed.map(({ from, to }) => `${printable(to)} was ${printable(from)}`),
      renamed.length,
    ),
    ...renames.slice(0, MOST_NAMES).map(({ from, to, score }) => {
      const words = [row.series, from, to].map(shellWord).join(" ");
      return `'${printable(from)}' may be called '${printable(to)}' now (score ${figure(score, 2)}); if so: retune fleet rename ${words}`;
    }),
    ...(renames.length > MOST_NAMES ? [`${renames.length - MOST_NAMES} more suggested renames: --json`] : []),
  ].map((text) => `${printable(row.series)}: ${text}`);
}

function unknownText({ unknown_rates: rates, unknown_tier: tier, predictions }: FleetStatus): string {
  if (predictions.by_time === 0 && predictions.by_count === 0) return "no predictions";
  const last = `${percent(rates.by_count)} of the last ${figure(predictions.by_count)}`;
  return `${percent(rates.by_time)} in 24 h, ${last} (${tier ?? "too few to tell"})`;
}

function named(what: string, names: readonly string[], total: number): string[] {
  if (total === 0) return [];
  const shown = names.slice(0, MOST_NAMES);
  return [`${total} ${what}: ${total > shown.length ? `${shown.join(", ")}, …` : list(shown)}`];
}

/** As a POSIX shell takes it, whatever is in the name. */
function shellWord(text: string): string {
  return /^[\w.:@/-]+$/.test(text) ? text : `'${printable(text).replaceAll("'", "'\\''")}'`;
}

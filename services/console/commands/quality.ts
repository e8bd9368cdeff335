import { QualityReply, type QualityScore } from "../../../shared/contracts/inference-buffer.ts";
import { figure, list, percent, printable, span } from "../words/format.ts";
import { table } from "../words/table.ts";
import { type BusCommand, type CommandFlags, printJson } from "./command.ts";

export interface QualityFlags extends CommandFlags {
  readonly days: number;
}

/** Days of many series are counted one after the other. */
const LIMIT_MS = 60_000;
const MOST_NAMES = 5;

/** `retune quality [series]`: how complete and clean the data of the last days are. (D-MON-1) */
export const quality: BusCommand<QualityFlags> = async ({ bus, terminal, flags }, series) => {
  const request = { days: flags.days, ...(series === undefined ? {} : { series }) };
  const { scores } = await bus.request("inference-buffer.quality", request, QualityReply, {
    timeoutMs: LIMIT_MS,
  });
  if (flags.json === true) {
    printJson(terminal, scores);
    return 0;
  }
  if (scores.length === 0) {
    terminal.out("no series is known; describe one in configs/series or forecast it");
    return 0;
  }
  const titles = [
    "SERIES",
    "DAY",
    "SEEN",
    "COMPLETE",
    "QUARANTINED",
    "DUPLICATES",
    "LATE",
    "GAPS",
    "MISSING",
  ];
  const columns = titles.map((title, i) => ({ title, right: i > 1 && i < titles.length - 1 }));
  terminal.out(table(columns, scores.map(cells), terminal.columns));
  return 0;
};

function cells(score: QualityScore): string[] {
  const { completeness, partial, quarantined, quarantined_share, gaps, longest_gap_ms } = score;
  return [
    printable(score.series),
    partial ? `${score.day} so far` : score.day,
    figure(score.observations),
    percent(completeness),
    quarantined === 0 ? "0" : `${figure(quarantined)} (${percent(quarantined_share)})`,
    figure(score.duplicates),
    figure(score.late),
    gaps === 0 ? "0" : `${figure(gaps)} (${span(longest_gap_ms)})`,
    missing(score),
  ];
}

function missing({ entities_missing: named, entities_missing_total: total }: QualityScore): string {
  if (total === 0) return "nobody";
  const names = named.slice(0, MOST_NAMES).map(printable);
  return total > names.length ? `${total}: ${names.join(", ")}, …` : list(names);
}

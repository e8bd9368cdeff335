import type {
  CalibratedDetector,
  CalibrationReport,
  CheckedCalibration,
} from "../../../shared/contracts/calibration.ts";
import { figure, moment, printable, signedPercent, span } from "./format.ts";
import { table, wrap } from "./table.ts";

type Forecaster = CalibrationReport["forecasters"][number];

/** Thresholds as they are and as they would be, a table for each forecaster. */
export function calibrationText(report: CalibrationReport, width: number): string {
  if (report.forecasters.length === 0)
    return wrap(
      'no forecaster has a budget: --budget "1 per 90d" gives one, or trigger.false_alarms in a spec',
      width,
    ).join("\n");
  const parts = report.forecasters.map((each) =>
    [head(each), detectors(each, width), wrote(each, report)].join("\n"),
  );
  return finished(parts, report, width);
}

/** What became of the thresholds that were set before, a table for each forecaster. */
export function checkText(report: CalibrationReport, width: number): string {
  if (report.forecasters.length === 0) return "no spec has a calibrated threshold";
  const parts = report.forecasters.map((each) => [head(each), checks(each, width)].join("\n"));
  return finished(parts, report, width);
}

function finished(parts: readonly string[], { notes, seconds }: CalibrationReport, width: number): string {
  const told = notes.flatMap((note) => wrap(`Note: ${note}`, width));
  return [parts.join("\n\n"), "", `in ${span(seconds * 1000)}`, ...told].join("\n");
}

function head({ forecaster, budget }: Forecaster): string {
  return `${printable(forecaster)}: ${budget === null ? "no budget of its own" : `false alarms ${budget}`}`;
}

function detectors({ detectors }: Forecaster, width: number): string {
  const columns = [
    { title: "DETECTOR" },
    { title: "SETTING" },
    { title: "NOW", right: true },
    { title: "CALIBRATED", right: true },
    { title: "ITS PART" },
    { title: "MEASURED", right: true },
    { title: "HISTORY" },
    { title: "VERDICT" },
  ];
  return table(columns, detectors.map(detectorRow), width);
}

function detectorRow(each: CalibratedDetector): string[] {
  const { detector, setting, now, calibrated, evidence, history, verdict, reason } = each;
  return [
    detector,
    setting?.split(".").at(-1) ?? "",
    value(now),
    value(calibrated),
    evidence?.budget ?? "",
    evidence === undefined ? "" : figure(evidence.measured),
    history === undefined ? "" : span(Date.parse(history.to) - Date.parse(history.from)),
    reason === undefined ? verdict : `${verdict}: ${printable(reason)}`,
  ];
}

function wrote({ detectors, written }: Forecaster, { trial }: CalibrationReport): string {
  const found = detectors.filter(({ verdict }) => verdict === "calibrated").length;
  if (found === 0) return "nothing to write";
  if (written === null)
    return `dry run: --apply writes ${trial ? "them as settings on trial" : "them into the spec"}`;
  const places = [
    ...(written.revision === null ? [] : [`bucket specs, revision ${written.revision}`]),
    ...(written.file === null ? [] : [printable(written.file)]),
  ];
  const note = written.note === undefined ? "" : `; ${printable(written.note)}`;
  return places.length === 0
    ? `nothing changed: the spec has them${note}`
    : `written: ${places.join("; ")}${note}`;
}

function checks({ checked }: Forecaster, width: number): string {
  const columns = [
    { title: "DETECTOR" },
    { title: "SINCE" },
    { title: "DAYS", right: true },
    { title: "ALARMS", right: true },
    { title: "EXPECTED", right: true },
    { title: "P", right: true },
    { title: "BUDGET" },
    { title: "THRESHOLD", right: true },
    { title: "ANEW", right: true },
    { title: "ADVICE" },
  ];
  const rows = checked.map((each) => [
    each.stored.detector,
    moment(each.stored.to),
    figure(each.days, 3),
    String(each.alarms),
    figure(each.expected, 3),
    figure(each.p_value, 2),
    `${each.stored.budget}: ${each.verdict}`,
    figure(each.stored.threshold),
    each.threshold === null ? "" : figure(each.threshold),
    advice(each),
  ]);
  return table(columns, rows, width);
}

function advice({ moved, recalibrate, reason, stored, threshold, in: place }: CheckedCalibration): string {
  const where = { force: [], trial: ["on trial"], neither: ["not in the spec any more"] }[place];
  if (moved === null || threshold === null) return [...where, printable(reason ?? "")].join("; ");
  const by = signedPercent(threshold / stored.threshold - 1);
  const told = recalibrate ? `calibrate anew: it would move by ${by}` : `keep: it would move by ${by}`;
  return [...where, told].join("; ");
}

function value(setting: number | string | undefined): string {
  return typeof setting === "number" ? figure(setting) : (setting ?? "");
}

import { join, resolve } from "node:path";
import type { CalibrationReport, CalibrationRequest } from "../../../shared/contracts/calibration.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { readIncidents } from "../../../shared/incidents.ts";
import { readSpecFiles } from "../../../shared/spec-files.ts";
import type { ToolParts } from "../../../shared/tool.ts";
import { readPoints } from "../simulate/file.ts";
import type { RecordedEvent } from "../simulate/recording.ts";
import { chosenOf, modelPath, rangeOf, withRecorder } from "../simulate/simulate.ts";
import { budgetOf, detectorBudget, heardDetectors } from "./budget.ts";
import { checkCalibration } from "./check.ts";
import { telemetryFrom } from "./from-file.ts";
import { leftOutOf } from "./left-out.ts";
import { settingsFor } from "./settings.ts";
import { type Telemetry, telemetryOf } from "./telemetry.ts";
import { calibrateDetector } from "./threshold.ts";
import { changeSpec } from "./write.ts";

type Outcome = CalibrationReport["forecasters"][number];

/** One forecaster's spec and what was recorded of it. */
interface Subject {
  readonly spec: ForecasterSpec;
  /** of the spec in the bucket; null where it is not there */
  readonly revision: number | null;
  readonly telemetry: Telemetry;
  readonly events: readonly RecordedEvent[];
}

const NOTES = {
  calibrated:
    "Half of each budget is aimed at, since a history is one draw of many. A change within the history makes a threshold too high: --from and --to leave it out, incidents always are.",
  checked:
    "A budget counts as broken where so many alarms have a chance of less than 5 % under a Poisson law at the budget (exact, one-sided). True alarms count, too.",
  file: "Errors are those of forecasts made again, of the config that a first search found.",
} as const;

/**
 * Answers `retune calibrate`: the threshold of every enabled detector at which a forecaster keeps its budget of false
 * alarms on redrawn history, or whether those that were set before still keep theirs.
 *
 * @throws {InvalidInputError} for an unknown forecaster, one that is named and has no budget, an unreadable file, and
 *   a range that holds nothing
 */
export async function calibrate(request: CalibrationRequest, parts: ToolParts): Promise<CalibrationReport> {
  const startedAt = performance.now();
  const forecasters = await (request.file === undefined
    ? fromRecording(request, parts)
    : fromFile(request.file, request, parts));
  const notes = [
    request.mode === "check" ? NOTES.checked : NOTES.calibrated,
    ...(request.file === undefined ? [] : [NOTES.file]),
  ];
  const { mode, apply, trial } = request;
  const seconds = (performance.now() - startedAt) / 1000;
  const code_version = parts.version;
  return { mode, applied: apply, trial, code_version, seconds, notes, forecasters };
}

async function fromRecording(request: CalibrationRequest, parts: ToolParts): Promise<Outcome[]> {
  const range = rangeOf(request);
  return withRecorder(request, parts, async (recorder, connection) => {
    const chosen = chosenOf(await recorder.forecasters(), request.forecasters);
    const incidents = await readIncidents(connection.bus);
    const outcomes: Outcome[] = [];
    for (const forecaster of chosen) {
      const recording = await recorder.read(forecaster);
      if (recording === undefined) continue;
      const { spec, revision } = recording.specs.at(-1)!;
      if (!isAsked(spec, request)) continue;
      parts.say(`${forecaster}: ${recording.observations.length + recording.scores.length} messages`);
      const { events } = recording;
      const telemetry = telemetryOf(recording, range, leftOutOf(spec, incidents, events));
      outcomes.push(await outcomeOf({ spec, revision, telemetry, events }, request, parts));
    }
    return outcomes;
  });
}

/** Specs come from the project's files, so that a dry run needs no NATS. */
async function fromFile(path: string, request: CalibrationRequest, parts: ToolParts): Promise<Outcome[]> {
  if (request.mode === "check")
    throw new InvalidInputError("--check needs recorded evaluations, a file has none");
  const range = rangeOf(request);
  const specs = await readSpecFiles(join(parts.dirs.configs, "forecasters"));
  const ids = chosenOf(
    specs.map(({ forecaster }) => forecaster),
    request.forecasters,
  );
  const outcomes: Outcome[] = [];
  for (const spec of specs.filter(({ forecaster }) => ids.includes(forecaster))) {
    if (!isAsked(spec, request)) continue;
    const points = await readPoints(resolve(path), spec);
    parts.say(`${spec.forecaster}: ${points.times.length} observations`);
    const made = await telemetryFrom(points, spec, modelPath(spec, parts.dirs));
    const one = <T>(records: readonly T[]) => [{ sequence: 1, latestMs: Number.POSITIVE_INFINITY, records }];
    const recorded = { scores: one(made.scores), observations: one(made.observations) };
    const telemetry = telemetryOf(recorded, range, { errors: [], values: [] });
    const revision = request.apply ? await revisionOf(spec.forecaster, parts) : null;
    outcomes.push(await outcomeOf({ spec, revision, telemetry, events: [] }, request, parts));
  }
  return outcomes;
}

/** @throws {InvalidInputError} when a forecaster is named for which there is nothing to do */
function isAsked(spec: ForecasterSpec, { mode, budget, forecasters }: CalibrationRequest): boolean {
  if (spec.entities !== undefined) {
    if (forecasters === undefined) return false;
    throw new InvalidInputError(
      `'${spec.forecaster}' forecasts a fleet, whose entities are tested one by one; thresholds are calibrated for forecasters of one entity`,
    );
  }
  const { false_alarms, calibration } = spec.trigger;
  const has = mode === "check" ? calibration.length > 0 : (budget ?? false_alarms) !== undefined;
  if (has || forecasters === undefined) return has;
  throw new InvalidInputError(
    mode === "check"
      ? `'${spec.forecaster}' has no calibrated threshold to check`
      : `'${spec.forecaster}' has no trigger.false_alarms in its spec; --budget says how many there may be, such as "1 per 90d"`,
  );
}

async function outcomeOf(subject: Subject, request: CalibrationRequest, parts: ToolParts): Promise<Outcome> {
  const { spec, telemetry, events } = subject;
  const { forecaster } = spec;
  const made = { codeVersion: parts.version, nowMs: Date.now() };
  if (request.mode === "check") {
    const checked = spec.trigger.calibration.map((stored) => {
      parts.say(`${forecaster}: checking ${stored.detector}`);
      return checkCalibration(stored, telemetry, events, spec, made);
    });
    const budget = spec.trigger.false_alarms ?? null;
    return { forecaster, budget, detectors: [], written: null, checked };
  }
  const budget = (request.budget ?? spec.trigger.false_alarms)!;
  const share = detectorBudget(budgetOf(budget), spec);
  const detectors = heardDetectors(spec).map((detector) => {
    parts.say(`${forecaster}: calibrating ${detector}`);
    return calibrateDetector(detector, telemetry, spec, { budget: share, ...made });
  });
  const written = request.apply
    ? await apply(subject, { budget, detectors, trial: request.trial }, parts)
    : null;
  return { forecaster, budget, detectors, written, checked: [] };
}

async function apply(
  { spec: { forecaster }, revision }: Subject,
  calibrated: Parameters<typeof settingsFor>[1],
  { dirs, connect }: ToolParts,
) {
  const connection = await connect();
  try {
    const place = { bus: connection.bus, folder: join(dirs.configs, "forecasters"), revision };
    return await changeSpec(forecaster, (spec) => settingsFor(spec, calibrated), place);
  } finally {
    await connection.drain();
  }
}

async function revisionOf(forecaster: string, { connect }: ToolParts): Promise<number | null> {
  const connection = await connect();
  try {
    return (await connection.bus.kv("specs", ForecasterSpec).get(forecaster))?.revision ?? null;
  } finally {
    await connection.drain();
  }
}

import { join, resolve } from "node:path";
import type { Connection } from "../../../shared/bus/connect.ts";
import type { SimulationReport, SimulationRequest } from "../../../shared/contracts/simulation.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import type { Points } from "../../../shared/forecasting/context.ts";
import { type HistoryView, openHistoryView } from "../../../shared/history/view.ts";
import type { Folders } from "../../../shared/service.ts";
import { readSpecFiles } from "../../../shared/spec-files.ts";
import type { ToolParts } from "../../../shared/tool.ts";
import { readPoints } from "./file.ts";
import type { Range } from "./outcome.ts";
import { Recorder } from "./recorder.ts";
import type { Recording } from "./recording.ts";
import { parseSetting, type Setting } from "./settings.ts";
import { verify } from "./verify.ts";
import { inLaboratory, onRecording, pointsOf } from "./what-if.ts";

type Results = Pick<SimulationReport, "forecasters" | "decisions" | "notes">;

const NOTES = {
  assumed:
    "A policy that retrains at other times would have served other forecasts, which nobody made. From its first such run on, errors are those of what was really served; --retrain searches and forecasts again.",
  retrained:
    "Searches and forecasts were made again with the specs' own model files, from the first observation on. A candidate was deployed where it was better by what A-VAL-1 asks; the validator's other criteria, people and shadow stages are left out, and a run is over before the next evaluation.",
} as const;

/**
 * Answers `retune simulate`.
 *
 * @throws {InvalidInputError} for an unknown forecaster, a setting that makes no spec, an unreadable file, and times
 *   that leave nothing to report on
 */
export async function simulate(request: SimulationRequest, parts: ToolParts): Promise<SimulationReport> {
  const startedAt = performance.now();
  const settings = request.settings.map(parseSetting);
  const results =
    request.file === undefined
      ? await withRecorder(request, parts, (recorder) => fromRecording(recorder, request, settings, parts))
      : await fromFile(request.file, request, settings, parts);
  const days = results.forecasters.flatMap(({ policies }) =>
    policies.flatMap(({ daily }) => daily.map(([day]) => day)),
  );
  const [first, last] = [days.toSorted().at(0), days.toSorted().at(-1)];
  return {
    mode: request.mode,
    from: request.from ?? (first === undefined ? null : `${first}T00:00:00Z`),
    to: request.to ?? (last === undefined ? null : `${last}T23:59:59Z`),
    code_version: parts.version,
    settings: request.settings,
    retrained: request.retrain || request.file !== undefined,
    seconds: (performance.now() - startedAt) / 1000,
    ...results,
  };
}

/** Opens what was recorded, on the bus and in the history's folder, for as long as it is used. */
export async function withRecorder<T>(
  request: Pick<SimulationRequest, "history">,
  { dirs, connect }: Pick<ToolParts, "dirs" | "connect">,
  use: (recorder: Recorder, connection: Connection) => Promise<T>,
): Promise<T> {
  const history = await historyOf(
    request.history ?? join(dirs.data, "history"),
    request.history !== undefined,
  );
  const connection = await connect();
  try {
    return await use(await Recorder.open(connection.bus, history), connection);
  } finally {
    await connection.drain();
  }
}

/** The buffer's Parquet. Where nobody named a folder, its absence means that the stream is all there is. */
async function historyOf(folder: string, asked: boolean): Promise<HistoryView | undefined> {
  try {
    return await openHistoryView(folder);
  } catch (error) {
    if (asked || !(error instanceof InvalidInputError)) throw error;
    return undefined;
  }
}

async function fromRecording(
  recorder: Recorder,
  request: SimulationRequest,
  settings: readonly Setting[],
  { dirs, say }: ToolParts,
): Promise<Results> {
  const known = await recorder.forecasters();
  const chosen = chosenOf(known, request.forecasters);
  const range = rangeOf(request);
  const results = emptyResults();
  for (const forecaster of chosen) {
    say(`${forecaster}: reading`);
    const recording = await recorder.read(forecaster);
    if (recording === undefined) continue;
    if (request.mode === "verify") {
      results.decisions.push(...verify(recording, range));
      continue;
    }
    const { spec } = recording.specs.at(-1)!;
    say(`${forecaster}: ${recording.observations.length + recording.scores.length} messages of telemetry`);
    const policies = request.retrain
      ? await inLaboratory(spec, pointsOf(recording), settings, sinceFirst(recording, range), {
          modelPath: modelPath(spec, dirs),
          recording,
        })
      : await onRecording(recording, settings, range);
    results.forecasters.push({
      forecaster,
      ...(spec.unit === undefined ? {} : { unit: spec.unit }),
      policies,
    });
  }
  results.decisions.sort((a, b) => a.sequence - b.sequence);
  if (request.mode === "what-if") results.notes.push(request.retrain ? NOTES.retrained : NOTES.assumed);
  return results;
}

/** Policies are played from the first observation on, and compared over the time in which decisions were recorded. */
function sinceFirst({ events }: Recording, { fromMs, toMs }: Range): Range {
  const [first] = events;
  return { fromMs: first === undefined ? fromMs : Math.max(fromMs, Date.parse(first.event.time)), toMs };
}

/** Specs come from the project's files, so that no NATS is needed. */
async function fromFile(
  path: string,
  request: SimulationRequest,
  settings: readonly Setting[],
  { dirs, say }: ToolParts,
): Promise<Results> {
  if (request.mode === "verify")
    throw new InvalidInputError("--verify needs recorded decisions, a file has none");
  const specs = await readSpecFiles(join(dirs.configs, "forecasters"));
  const results = emptyResults();
  for (const forecaster of chosenOf(
    specs.map((spec) => spec.forecaster),
    request.forecasters,
  )) {
    const spec = specs.find((each) => each.forecaster === forecaster)!;
    const points: Points = await readPoints(resolve(path), spec);
    say(`${forecaster}: ${points.times.length} observations`);
    const made = { modelPath: modelPath(spec, dirs), recording: undefined };
    const policies = await inLaboratory(spec, points, settings, rangeOf(request), made);
    results.forecasters.push({
      forecaster,
      ...(spec.unit === undefined ? {} : { unit: spec.unit }),
      policies,
    });
  }
  results.notes.push(NOTES.retrained);
  return results;
}

/** @throws {InvalidInputError} for a forecaster that nobody knows */
export function chosenOf(known: readonly string[], asked: readonly string[] | undefined): readonly string[] {
  const stranger = asked?.find((each) => !known.includes(each));
  if (stranger === undefined) return asked ?? known;
  throw new InvalidInputError(
    `no forecaster is called '${stranger}'; ${known.length === 0 ? "none is known" : `known: ${known.join(", ")}`}`,
  );
}

/** @throws {InvalidInputError} for a range that holds nothing */
export function rangeOf({ from, to }: Pick<SimulationRequest, "from" | "to">): Range {
  const range = {
    fromMs: from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from),
    toMs: to === undefined ? Number.POSITIVE_INFINITY : Date.parse(to),
  };
  if (range.fromMs < range.toMs) return range;
  throw new InvalidInputError(`--from is ${from} and --to is ${to}, expected --from to be earlier`);
}

export function modelPath({ model }: ForecasterSpec, { root }: Folders): string | undefined {
  return model.path === undefined ? undefined : resolve(root, model.path);
}

function emptyResults(): { [K in keyof Results]: Results[K] } {
  return { forecasters: [], decisions: [], notes: [] };
}

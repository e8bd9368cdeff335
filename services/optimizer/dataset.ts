import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "../../shared/bus/bus.ts";
import { ServiceError } from "../../shared/bus/bus.ts";
import { durationDays, durationMs } from "../../shared/contracts/duration.ts";
import { WindowReply, type WindowRequest } from "../../shared/contracts/inference-buffer.ts";
import { addSteps, type ForecasterSpec, stepsIn } from "../../shared/contracts/spec.ts";
import { InvalidInputError, RetuneError, UnavailableError } from "../../shared/errors.ts";
import { MIN_TRAINING } from "../../shared/forecasting/backtest-plan.ts";
import type { StepGrid } from "../../shared/forecasting/quantile-forecast.ts";
import { withMemory } from "../../shared/history/duckdb.ts";
import { writeQuery } from "../../shared/history/parquet.ts";
import type { Window } from "../../shared/history/window.ts";
import type { WindowCache } from "../../shared/history/window-cache.ts";
import { gridQuery } from "./grid.ts";
import type { Study } from "./state.ts";

/** The buffer does not hold enough yet. More may come. */
export class TooLittleDataError extends RetuneError {
  readonly disposition = "retry";
}

const MAX_POINTS = 2_000_000;
const WINDOW_TIMEOUT_MS = 30_000;

export type Dataset = Pick<Study, "dataset" | "data">;

/**
 * Asks the buffer for the history of a forecaster's series. Where that is no regular grid of the spec's steps, it is
 * put on one and stored anew. The history reaches `search.history` back from the newest observation, so that a
 * series that ended long ago can be searched, too; what was observed in incidents is left out.
 *
 * @throws {UnavailableError} when the buffer does not answer
 * @throws {TooLittleDataError} when the steps do not reach for the backtest
 * @throws {InvalidInputError} when the history makes more than 2,000,000 steps, or the buffer refuses the request
 */
export async function makeDataset(
  { bus, windows }: { readonly bus: Bus; readonly windows: WindowCache },
  spec: ForecasterSpec,
): Promise<Dataset> {
  const { forecaster, series, metric, entity = null, search } = spec;
  const stepMs = durationMs(spec.step);
  const days = durationDays(search.history);
  const window = await requestWindow(bus, {
    series,
    metric,
    entity,
    days,
    forecaster,
    incidents: "leave-out",
  });
  const needed = stepsIn(search.backtest, spec) + MIN_TRAINING;
  const about = `series '${series}', metric '${metric}'${entity === null ? "" : `, entity '${entity}'`}`;
  if (window.from === null || window.to === null || window.rows === 0) {
    throw new TooLittleDataError(
      `too little data: no observation of ${about}, the search needs ${needed} steps`,
    );
  }
  const span = (Date.parse(window.to) - Date.parse(window.from)) / stepMs;
  if (span > MAX_POINTS) {
    throw new InvalidInputError(
      `${about}: ${search.history} of history in steps of ${spec.step} is ${Math.round(span)} steps, at most ${MAX_POINTS} are possible`,
    );
  }
  const grid = { stepMs, calendar: spec.calendar };
  const dataset = isRegular(await windows.get(window.artifact), spec)
    ? window.artifact
    : await bus.artifacts.put(await onGrid(await bus.artifacts.fetch(window.artifact), grid));
  const points = (await windows.get(dataset)).values.length;
  if (points < needed) {
    throw new TooLittleDataError(
      `too little data: ${about} has ${points} steps of ${spec.step} since ${window.from}, the search needs ${needed}`,
    );
  }
  const { rows, to, stream } = window;
  return { dataset, data: { rows, points, from: window.from, to, last_sequence: stream.last_sequence } };
}

/** True when a window already is a grid of steps, each with a value. */
function isRegular({ times, values }: Window, spec: ForecasterSpec): boolean {
  return (
    values.every(Number.isFinite) &&
    times.every((time, i) => i === 0 || addSteps(times[i - 1]!, 1, spec) === time)
  );
}

async function requestWindow(bus: Bus, request: WindowRequest): Promise<WindowReply> {
  try {
    return await bus.request("inference-buffer.window", request, WindowReply, {
      timeoutMs: WINDOW_TIMEOUT_MS,
    });
  } catch (cause) {
    if (!(cause instanceof ServiceError)) throw cause;
    const told = cause.code < 500 ? InvalidInputError : UnavailableError;
    throw new told(`the inference buffer gave no window of '${request.series}'`, { cause });
  }
}

async function onGrid(path: string, grid: StepGrid): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "retune-dataset-"));
  try {
    const gridded = join(folder, "dataset.parquet");
    await withMemory((connection) => writeQuery(connection, gridQuery(path, grid), gridded));
    return await readFile(gridded);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

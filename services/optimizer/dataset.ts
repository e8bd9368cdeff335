import type { Bus } from "../../shared/bus/bus.ts";
import { ServiceError } from "../../shared/bus/bus.ts";
import { durationDays, durationMs } from "../../shared/contracts/duration.ts";
import { WindowReply, type WindowRequest } from "../../shared/contracts/inference-buffer.ts";
import { addSteps, type ForecasterSpec } from "../../shared/contracts/spec.ts";
import { InvalidInputError, RetuneError, UnavailableError } from "../../shared/errors.ts";
import { datasetCache } from "../../shared/forecasting/dataset-cache.ts";
import type { StepGrid } from "../../shared/forecasting/quantile-forecast.ts";
import { withMemory } from "../../shared/history/duckdb.ts";
import { queryBytes } from "../../shared/history/parquet.ts";
import type { Window } from "../../shared/history/window.ts";
import type { WindowCache } from "../../shared/history/window-cache.ts";
import { fleetGridQuery } from "./fleet-grid.ts";
import { gridQuery } from "./grid.ts";
import { stepsNeeded } from "./split.ts";
import type { Study } from "./state.ts";

/** The buffer does not hold enough yet. More may come. */
export class TooLittleDataError extends RetuneError {
  readonly disposition = "retry";
}

const MAX_POINTS = 2_000_000;
/** Entities that a receipt names as left out. */
const MOST_LEFT_OUT = 20;
/** Steps of all entities of a fleet. */
const MAX_FLEET_POINTS = 20_000_000;
const WINDOW_TIMEOUT_MS = 30_000;

export type Dataset = Pick<Study, "dataset" | "data">;

/**
 * Asks the buffer for the history of a forecaster's series: `search.history` back from the newest observation, so that a
 * series that ended long ago can be searched, too; what was observed in incidents is left out.
 *
 * @throws as `requestWindow`
 */
export function searchWindow(bus: Bus, spec: ForecasterSpec): Promise<WindowReply> {
  const { forecaster, series, metric, search } = spec;
  return requestWindow(bus, {
    ...{ series, metric, days: durationDays(search.history), forecaster, incidents: "leave-out" },
    ...membersOf(spec),
  });
}

/**
 * The dataset of a window. Where that is no regular grid of the spec's steps, it is put on one and stored anew.
 *
 * @throws {TooLittleDataError} when there are fewer observations than `search.min_samples` asks for (D-TRN-1), or the
 *   steps do not reach for the backtest and the hold-out
 * @throws {InvalidInputError} when the history makes more than 2,000,000 steps (20,000,000 of all entities of a fleet)
 */
export async function makeDataset(
  { bus, windows }: { readonly bus: Bus; readonly windows: WindowCache },
  spec: ForecasterSpec,
  window: WindowReply,
): Promise<Dataset> {
  const { series, metric, entity, entities, search } = spec;
  const stepMs = durationMs(spec.step);
  const needed = stepsNeeded(spec);
  const about = `series '${series}', metric '${metric}'${entity === undefined ? "" : `, entity '${entity}'`}`;
  if (window.from === null || window.to === null || window.rows === 0) {
    throw new TooLittleDataError(
      `too little data: no observation of ${about}, the search needs ${needed} steps${leftOut(window)}`,
    );
  }
  if (window.rows < search.min_samples) {
    throw new TooLittleDataError(
      `too little data: ${about} has ${window.rows} observations since ${window.from}, search.min_samples asks for ${search.min_samples}`,
    );
  }
  const span = (Date.parse(window.to) - Date.parse(window.from)) / stepMs;
  const most = Math.min(MAX_POINTS, MAX_FLEET_POINTS / (window.entities ?? 1));
  if (span > most) {
    const fleet = window.entities === undefined ? "" : ` of ${window.entities} entities`;
    throw new InvalidInputError(
      `${about}: ${search.history} of history in steps of ${spec.step} is ${Math.round(span)} steps${fleet}, at most ${Math.floor(most)} are possible`,
    );
  }
  const isFleet = entities === "all";
  const dataset = isFleet
    ? await fleetOnGrid(bus, window, spec)
    : await seriesOnGrid(bus, windows, window, spec);
  const points = await stepsOf(bus, dataset, spec);
  if (points < needed) {
    throw new TooLittleDataError(
      `too little data: ${about} has ${points} steps of ${spec.step} since ${window.from}, the search needs ${needed}`,
    );
  }
  const { rows, from, to, stream } = window;
  const data = { rows, points, from, to, last_sequence: stream.last_sequence };
  return { dataset, data: isFleet ? { ...data, fleet: fleetOf(window) } : data };
}

/** True when a window already is a grid of steps, each with a value. */
function isRegular({ times, values }: Window, spec: ForecasterSpec): boolean {
  return (
    values.every(Number.isFinite) &&
    times.every((time, i) => i === 0 || addSteps(times[i - 1]!, 1, spec) === time)
  );
}

/**
 * @throws {UnavailableError} when the buffer does not answer
 * @throws {InvalidInputError} when it refuses the request
 */
export async function requestWindow(bus: Bus, request: WindowRequest): Promise<WindowReply> {
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

/** Whose observations the search learns from. (C-DAT-1) */
function membersOf({ entity, entities, fleet }: ForecasterSpec): MembersOf {
  return entities === undefined ? { entity: entity ?? null } : { entity: null, entities, ...fleet };
}

type MembersOf = Pick<WindowRequest, "entity" | "entities" | "min_history" | "min_samples">;

function fleetOf({ entities = 0, excluded = [], excluded_total = 0 }: WindowReply): Dataset["data"]["fleet"] {
  return { entities, left_out: excluded.slice(0, MOST_LEFT_OUT), left_out_total: excluded_total };
}

/** The first of those that are not fit to learn from. */
function leftOut({ excluded = [], excluded_total }: WindowReply): string {
  const named = excluded.slice(0, 5).map(({ entity, reason }) => `'${entity ?? ""}' (${reason})`);
  return named.length === 0 ? "" : `; ${excluded_total} entities are left out: ${named.join(", ")}`;
}

async function seriesOnGrid(
  bus: Bus,
  windows: WindowCache,
  { artifact }: WindowReply,
  spec: ForecasterSpec,
): Promise<string> {
  if (isRegular(await windows.get(artifact), spec)) return artifact;
  return bus.artifacts.put(await onGrid(gridQuery(await bus.artifacts.fetch(artifact), gridOf(spec))));
}

async function fleetOnGrid(bus: Bus, { artifact }: WindowReply, spec: ForecasterSpec): Promise<string> {
  return bus.artifacts.put(await onGrid(fleetGridQuery(await bus.artifacts.fetch(artifact), gridOf(spec))));
}

/** Length of a dataset, read into the cache that its search reads it from. */
async function stepsOf(bus: Bus, dataset: string, spec: ForecasterSpec): Promise<number> {
  const { entities, season_length: seasonLength } = spec;
  const about = { fleet: entities === "all", grid: gridOf(spec), seasonLength };
  const { series: all } = await datasetCache(bus.artifacts).get(dataset, about);
  return all[0]?.values.length ?? 0;
}

function gridOf({ step, calendar }: ForecasterSpec): StepGrid {
  return { stepMs: durationMs(step), calendar };
}

function onGrid(query: string): Promise<Buffer> {
  return withMemory((connection) => queryBytes(connection, query));
}

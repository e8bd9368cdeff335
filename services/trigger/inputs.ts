import { z } from "zod";
import type { KvBucket } from "../../shared/bus/kv.ts";
import { durationDays } from "../../shared/contracts/duration.ts";
import { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { IncidentsState, incidentsKey } from "../../shared/contracts/incidents.ts";
import { WindowReply } from "../../shared/contracts/inference-buffer.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { EvaluationInputs, FleetInput, LeftOut } from "../../shared/contracts/trigger.ts";
import { UnavailableError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { median } from "../../shared/statistics/sample.ts";
import type { ArbiterState } from "./state.ts";

const ASK_MS = 2_000;

/** What an evaluation needs besides telemetry and its own memory. */
export type OutsideInputs = Omit<EvaluationInputs, "streak" | "trails" | "confirms">;

/** Asks around for one evaluation: what is live, incidents, the fleet, how much history there is. */
export class Inputs {
  private readonly context: Pick<ServiceContext, "bus" | "log">;
  private readonly incidents: KvBucket<IncidentsState>;
  private readonly liveConfigs: KvBucket<unknown>;

  constructor(context: Pick<ServiceContext, "bus" | "log">) {
    this.context = context;
    this.incidents = context.bus.kv("states", IncidentsState);
    this.liveConfigs = context.bus.kv("live-configs", z.unknown());
  }

  /**
   * @param observed observations seen here: what counts where the buffer cannot say how many it has
   */
  async gather(
    spec: ForecasterSpec,
    { last_optimized_at, ended }: Pick<ArbiterState, "last_optimized_at" | "ended">,
    observed: () => Promise<number>,
  ): Promise<{ inputs: OutsideInputs; liveRevision: number }> {
    const [live, left_out, fleet] = await Promise.all([
      this.liveConfigs.get(spec.forecaster),
      this.incidentsOf(spec),
      wantsFleet(spec) ? this.fleet(spec) : null,
    ]);
    const searches = ended.flatMap(({ search_seconds }) => search_seconds ?? []);
    const inputs = {
      live: live !== undefined,
      history: live === undefined ? await this.history(spec, observed) : 0,
      last_optimized_at,
      deployment: deploymentOf(live?.value),
      left_out,
      fleet,
      run_seconds: searches.length === 0 ? null : median(searches),
    };
    return { inputs, liveRevision: live?.revision ?? 0 };
  }

  /** When the live config was found and what it was validated with; null where nothing is live. */
  async deployment(forecaster: string): Promise<EvaluationInputs["deployment"]> {
    return deploymentOf((await this.liveConfigs.get(forecaster))?.value);
  }

  /**
   * Observations a search could use, of a fleet those of an entity on average: what the buffer has, or what was seen here
   * where no buffer answers.
   */
  async history(spec: ForecasterSpec, observed: () => Promise<number>): Promise<number> {
    const { forecaster, series, metric, entity = null, entities, fleet, search } = spec;
    try {
      const of = entities === undefined ? { entity } : { entities, ...fleet };
      const question = { series, metric, days: durationDays(search.history), ...of };
      const options = { timeoutMs: ASK_MS };
      const window = await this.context.bus.request(
        "inference-buffer.window",
        question,
        WindowReply,
        options,
      );
      return Math.floor(window.rows / Math.max(1, window.entities ?? 1));
    } catch (err) {
      if (err instanceof UnavailableError) return observed();
      this.context.log.warn({ err, forecaster, series }, "the buffer could not say how much history it has");
      return 0;
    }
  }

  private async incidentsOf({ series, forecaster }: ForecasterSpec): Promise<LeftOut[]> {
    const targets = [...new Set([series, forecaster])];
    const states = await Promise.all(targets.map((target) => this.incidents.get(incidentsKey(target))));
    return states.flatMap((entry) =>
      (entry?.value.incidents ?? []).flatMap(({ scope, from, to }): LeftOut[] => {
        const of = "series" in scope ? "series" : "forecaster";
        const isOurs = "series" in scope ? scope.series === series : scope.forecaster === forecaster;
        return isOurs && to !== from ? [{ of, why: "incident", from, to }] : [];
      }),
    );
  }

  private async fleet(spec: ForecasterSpec): Promise<FleetInput | null> {
    const { forecaster, series } = spec;
    try {
      const options = { timeoutMs: ASK_MS };
      const rows = await this.context.bus.request(
        "fleet-monitor.status",
        { series },
        z.array(FleetStatus),
        options,
      );
      const row = rows.find((each) => each.series === series);
      return row === undefined ? null : fleetInput(row, spec);
    } catch (err) {
      this.context.log.warn({ err, forecaster, series }, "the fleet-monitor could not say how the fleet is");
      return null;
    }
  }
}

function wantsFleet({ trigger: { fleet, unknown_rate } }: ForecasterSpec): boolean {
  return fleet.enabled || unknown_rate.enabled;
}

function fleetInput(row: FleetStatus, spec: ForecasterSpec): FleetInput {
  const { known, new_total, sunset_total, drift, unknown_rates, predictions, outage } = row;
  return {
    known,
    new: new_total,
    ...newRipe(row, spec),
    sunset: sunset_total,
    drift,
    unknown_by_time: unknown_rates.by_time,
    unknown_by_count: unknown_rates.by_count,
    predictions: Math.max(predictions.by_time, predictions.by_count),
    outage,
  };
}

/** Those that the status has no room to name count as old enough. */
function newRipe(
  { new_days, new_total }: FleetStatus,
  { entities, fleet }: ForecasterSpec,
): Pick<FleetInput, "new_ripe"> {
  if (entities === undefined || new_days === undefined) return {};
  const least = durationDays(fleet.min_history);
  return { new_ripe: new_total - new_days.filter((days) => days < least).length };
}

/** When the live config was found and what it was validated with; null for one that says no time. */
function deploymentOf(live: unknown): EvaluationInputs["deployment"] {
  if (typeof live !== "object" || live === null) return null;
  const { timestamp } = live as { timestamp?: unknown };
  if (typeof timestamp !== "string" || Number.isNaN(Date.parse(timestamp))) return null;
  const validation = Object.entries(live).flatMap(([name, value]): [string, number][] =>
    name.startsWith("validation_") && typeof value === "number"
      ? [[name.slice("validation_".length), value]]
      : [],
  );
  return { at: new Date(timestamp).toISOString(), validation: Object.fromEntries(validation) };
}

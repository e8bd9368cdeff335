import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Projection } from "../projection/projection.ts";

/**
 * Prometheus metrics read off the projection when they are asked for. Everything counted comes from the
 * DECISIONS stream from its beginning, so the figures survive a restart of the console.
 */
export function consoleMetrics(projection: Projection): Registry {
  const registry = new Registry();
  // A finer look at the event loop would itself keep an idle process awake.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 500 });
  const registers = [registry];
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const { runs, counters } = projection;
  const step = (name: Parameters<typeof runs.steps.get>[0]) => runs.steps.get(name) ?? 0;

  new Counter({
    name: "retune_runs_total",
    help: "Runs that ended, by forecaster and outcome",
    labelNames: ["forecaster", "outcome"] as const,
    registers,
    collect() {
      this.reset();
      for (const { forecaster, outcome, count } of runs.outcomes.values())
        this.inc({ forecaster, outcome }, count);
    },
  });
  counter("retune_runs_accepted_total", "Runs accepted", () => step("accepted"));
  counter("retune_validations_approved_total", "Candidates approved", () => step("approved"));
  counter("retune_validations_rejected_total", "Candidates rejected", () => step("rejected"));
  counter("retune_deployments_total", "Configs put live", () => step("deployed"));
  counter("retune_rollbacks_total", "Deployments taken back", () => step("rolled-back"));
  counter("retune_evaluations_total", "Trigger evaluations", () => counters.evaluations);
  counter("retune_alerts_total", "Alert events", () => counters.alerts);
  counter("retune_dead_letters_total", "Messages nobody could process", () => counters.deadLetters);
  counter(
    "retune_invalid_records_total",
    "Telemetry records the console could not read",
    () => counters.invalid,
  );
  counter("retune_optimizations_total", "Searches that ended with a candidate", () => runs.optimizations);
  counter(
    "retune_optimization_seconds_total",
    "Seconds spent in those searches",
    () => runs.optimizationSeconds,
  );
  counter("retune_decisions_total", "Decision events of runs, all steps", () => {
    let total = 0;
    for (const count of runs.steps.values()) total += count;
    return total;
  });

  const gauge = (
    name: string,
    help: string,
    read: (view: NonNullable<ReturnType<Projection["forecasterView"]>>) => number | null | undefined,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ["forecaster"] as const,
      registers,
      collect() {
        this.reset();
        for (const view of projection.forecasterViews()) {
          const value = read(view);
          if (value !== null && value !== undefined) this.set({ forecaster: view.id }, value);
        }
      },
    });
  gauge("retune_live_version", "Version of the live config", (view) => view.live?.version);
  gauge("retune_rmse", "RMSE over the newest targets, unit of the series", (view) => view.accuracy?.rmse);
  gauge(
    "retune_rmse_ratio_last_value",
    "RMSE over that of the last-value forecast on the same targets",
    ({ accuracy }) => (accuracy?.last_value_rmse ? accuracy.rmse / accuracy.last_value_rmse : null),
  );
  gauge("retune_coverage", "Share of actuals inside the 95 % interval", (view) => view.accuracy?.coverage);
  gauge("retune_degraded", "1 while the newest heartbeat says degraded", ({ health }) =>
    health === null ? null : Number(health.status === "degraded"),
  );
  return registry;
}
